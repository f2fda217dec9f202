#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

#include "core/matrix.h"
#include "core/shared_mean.h"
#include "core/types.h"
#include "text/kept_tokens.h"
#include "train/hot_rows.h"
#include "train/objectives.h"

namespace embkit {

// The options of skip-gram and CBOW; names as in config.py, where defaults are.
struct Word2VecOptions {
  bool is_cbow;
  bool is_hierarchical;
  bool is_noise_contrastive;
  bool learn_normalizer;  // NCE: log Z is learnt, or 0
  bool unigram_bias;      // NCE: a score has the logarithm of the word's frequency in it
  bool share_negatives;   // over a centre's window, or drawn anew for each pair
  bool sum_contexts;      // CBOW: sum, or mean
  bool dynamic_window;
  bool paper_subsampling;
  int dim;
  int window;
  int negatives;
  Index block_size;     // tokens whose centres share noise words; 0: each draws its own
  int block_negatives;  // noise words of such a block
  double smoothing;
  double subsample;
  double learning_rate;
  Index epochs;
  Index first_epoch;  // of the draws: epochs that the rows to begin with were trained before
  uint64_t seed;
  Index block_tokens;  // tokens a thread takes at a time; changes no result of one thread
  std::optional<bool> copy_rows;  // threads copy rows that are used often; else where it pays
};

// Skip-gram and CBOW (Mikolov et al. 2013), as word2vec.c trains them: the context words' rows
// of `input` against the centre's targets in `output`.
//
// Threads take blocks of the encoded ids from one counter, in turn from as many equal sections
// as there are threads, and update the matrices without locks (Hogwild). So no thread waits for
// a slower one, and they work far apart, as word2vec.c's do. Every draw depends on the token's
// position alone, so that with one thread the result is a function of text, options and SIMD
// level.
//
// The learning rate falls with the tokens that all threads together have done when they are as
// far in their sections: with one thread a function of epoch and position. (By position alone
// the first section would end at a rate above zero.)
class Word2Vec {
 public:
  // `text` must outlive this. Throws std::invalid_argument, std::bad_alloc.
  Word2Vec(const Word2VecOptions& options, const EncodedText& text,
           const std::vector<int64_t>& counts);

  // Trains to the end, for at most max_blocks further blocks, or until park() or until
  // keep_going() returns false: it is called about ten times a second on the calling thread.
  // May be called again to go on, with the same number of threads. Throws DivergenceError once
  // a logit is not finite.
  void train(int num_threads, const std::function<bool()>& keep_going,
             Index max_blocks = std::numeric_limits<Index>::max());

  // Lets train() return as soon as every thread has finished the block it is in: what has been
  // trained is then whole blocks, a consistent cut. Safe from any thread.
  void park() {
    is_parked_ = true;
    park_at_ = 0;
  }
  // False where keep_going() or an exception ended train() inside of a block.
  bool is_consistent() const { return !is_torn_; }
  bool is_done() const { return next_block_ >= num_blocks_; }

  struct Progress {
    Index tokens;       // of epochs * num_tokens
    double loss;        // summed over the pairs that were measured so far
    int64_t num_pairs;  // so measured
    double learning_rate;
    double last_loss;  // the same of the last epoch alone
    int64_t last_pairs;
  };
  Progress progress() const;

  // What a run needs to go on, beside the rows of both matrices: copied out and put back
  // while train() is not running.
  struct Counters {
    Index next_block;
    Progress progress;
    double log_normalizer;
  };
  Counters counters() const { return {next_block_, progress(), log_normalizer_.value()}; }
  // Throws std::invalid_argument where the counters are not those of such a run.
  void restore(const Counters& counters);

  // What a device needs: thresholds of subsampling; slots of the noise (null with hierarchical
  // softmax); offsets of the scores (null unless noise-contrastive); which centres are
  // measured.
  const std::vector<uint32_t>& keep_below() const { return keep_below_; }
  const std::vector<AliasSlot>* noise() const {
    if (noise_contrastive_) return &noise_contrastive_->noise.slots();
    return negative_sampling_ ? &negative_sampling_->noise.slots() : nullptr;
  }
  const std::vector<float>* offsets() const {
    return options_.is_noise_contrastive ? &noise_contrastive_->offsets : nullptr;
  }
  uint64_t loss_mask() const { return loss_mask_; }

  bool rows_are_finite() const;
  PaddedMatrix& input() { return input_; }
  PaddedMatrix& output() { return output_; }

 private:
  template <typename Objective>
  friend class Word2VecWorker;

  template <typename Objective>
  void run(const Objective& objective, Index num_sections, const std::atomic<bool>& stop);
  bool take_block(Index* block);
  void add_progress(Index epoch, Index tokens, double loss, int64_t num_pairs);
  float learning_rate(Index epoch, Index tokens) const;
  bool cores_moved(int num_threads);
  void plan_copies(int num_threads);
  void train_blocks(int num_threads, const std::function<bool()>& keep_going);
  std::vector<double> expected_centers() const;

  Word2VecOptions options_;
  EncodedText text_;
  std::vector<int64_t> counts_;
  std::vector<uint32_t> keep_below_;
  std::optional<NegativeSampling> negative_sampling_;
  std::optional<NoiseContrastive> noise_contrastive_;
  std::optional<HierarchicalSoftmax> hierarchical_softmax_;
  PaddedMatrix input_;
  PaddedMatrix output_;
  bool are_far_ = false;  // the threads' cores
  HotRowPlan input_plan_;
  HotRowPlan output_plan_;
  uint64_t loss_mask_;  // a centre is measured when these bits of its window draw are 0
  std::atomic<Index> next_block_{0};
  std::atomic<Index> park_at_{0};  // no thread takes this block or a later one
  std::atomic<bool> is_parked_{false};
  Index num_blocks_ = std::numeric_limits<Index>::max();  // known once train() was called
  std::atomic<bool> is_torn_{false};
  SharedMean log_normalizer_{0};  // NCE: log Z of every context
  mutable std::mutex progress_mutex_;
  Progress progress_{};
};

}  // namespace embkit
