#include "train/word2vec.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/errors.h"
#include "core/line_transfer.h"
#include "core/workers.h"
#include "train/word2vec_worker.h"

namespace embkit {
namespace {

constexpr Index kRateGrid = 1024;       // tokens over which the learning rate is constant
constexpr double kLowestRate = 1e-4;    // of the first; as word2vec.c
constexpr Index kMeasureAll = 4 << 20;  // tokens up to which every centre's loss is measured
constexpr uint64_t kMeasureMask = 63;   // beyond that, one in 64

// Uses of a row between two exchanges of its copies, of all threads together: what was shown to
// cost no quality. So more than four threads copy no rows of tokens (each is in several
// windows), more than sixteen none of words at all.
constexpr int kMostTokens = 8;
constexpr int kMostTargets = 32;
constexpr int kMostNodes = 128;  // of a Huffman tree
constexpr int kMostThreads = 16;

AliasTable noise_table(const std::vector<int64_t>& counts, double smoothing) {
  std::vector<double> weights(counts.size());
  std::transform(counts.begin(), counts.end(), weights.begin(), [&](int64_t count) {
    return std::pow(static_cast<double>(count), smoothing);
  });
  return AliasTable(weights);
}

// What is taken from the product of two rows to make a logit of noise-contrastive estimation:
// log k Q(w), less the score's bias. `keep_below`: of 2^24, the share of tokens that are kept.
std::vector<float> noise_offsets(const Word2VecOptions& options,
                                 const std::vector<int64_t>& counts,
                                 const std::vector<uint32_t>& keep_below) {
  double noise_total = 0;
  double kept_total = 0;
  for (size_t word = 0; word < counts.size(); ++word) {
    const auto count = static_cast<double>(counts[word]);
    noise_total += std::pow(count, options.smoothing);
    kept_total += count * keep_below[word];
  }
  std::vector<float> offsets(counts.size());
  for (size_t word = 0; word < counts.size(); ++word) {
    const double log_count = std::log(static_cast<double>(counts[word]));
    const double log_noise = options.smoothing * log_count - std::log(noise_total);
    const double log_kept = log_count + std::log(keep_below[word]) - std::log(kept_total);
    const double bias = options.unigram_bias ? log_kept : 0;
    offsets[word] = static_cast<float>(std::log(options.negatives) + log_noise - bias);
  }
  return offsets;
}

NoiseContrastive noise_contrastive(const Word2VecOptions& options,
                                   const std::vector<int64_t>& counts,
                                   const std::vector<uint32_t>& keep_below) {
  const int draws = options.block_size > 0 ? options.block_negatives : options.negatives;
  return {noise_table(counts, options.smoothing), draws,
          static_cast<float>(options.negatives) / static_cast<float>(draws),
          options.is_noise_contrastive,
          options.is_noise_contrastive ? noise_offsets(options, counts, keep_below)
                                       : std::vector<float>(counts.size())};
}

// Where each word is first met. Rare words of one document follow each other here, so that as
// an order of ties it puts them near each other in the Huffman tree, as word2vec.c's own does.
std::vector<uint64_t> first_positions(const EncodedText& text, size_t num_words) {
  std::vector<uint64_t> positions(num_words, static_cast<uint64_t>(text.num_tokens));
  for (Index position = text.num_tokens; position-- > 0;) {
    positions[text.ids[position]] = static_cast<uint64_t>(position);
  }
  return positions;
}

void check_counts(const std::vector<int64_t>& counts) {
  const auto bad = std::find_if(counts.begin(), counts.end(), [](int64_t n) { return n < 1; });
  if (bad == counts.end()) return;
  throw std::invalid_argument("counts must be at least 1, got " + std::to_string(*bad) +
                              " in row " + std::to_string(bad - counts.begin()));
}

bool is_finite(const PaddedMatrix& matrix) {
  for (Index row = 0; row < matrix.num_rows(); ++row) {
    const float* values = matrix.row(row);
    float zero = 0;  // a value that is not finite turns it into NaN
    for (Index d = 0; d < matrix.dim(); ++d) zero += values[d] * 0;
    if (!(zero == 0)) return false;
  }
  return true;
}

}  // namespace

Word2Vec::Word2Vec(const Word2VecOptions& options, const EncodedText& text,
                   const std::vector<int64_t>& counts)
    : options_(options),
      text_(text),
      counts_(counts),
      keep_below_(keep_thresholds(counts, options.subsample, options.paper_subsampling)),
      input_(static_cast<Index>(counts.size()), options.dim),
      output_(static_cast<Index>(counts.size()) - (options.is_hierarchical ? 1 : 0),
              options.dim),
      loss_mask_(text.num_tokens <= kMeasureAll / options.epochs ? 0 : kMeasureMask) {
  check_text(text, counts.size());
  check_counts(counts);
  if (options.is_hierarchical) {
    hierarchical_softmax_.emplace(
        HierarchicalSoftmax{HuffmanTree(counts, first_positions(text, counts.size()))});
  } else if (options.is_noise_contrastive || options.block_size > 0) {
    noise_contrastive_.emplace(noise_contrastive(options, counts, keep_below_));
  } else {
    negative_sampling_.emplace(
        NegativeSampling{noise_table(counts, options.smoothing), options.negatives});
  }
  const EpochRandom random(options.seed, kInitialRowsEpoch);
  for (Index row = 0; row < input_.num_rows(); ++row) {
    for (Index d = 0; d < options.dim; ++d) {
      const auto element = static_cast<uint64_t>(row * options.dim + d);
      input_.row(row)[d] =
          (uniform(random.at(element)) - 0.5f) / static_cast<float>(options.dim);
    }
  }
  progress_.learning_rate = options.learning_rate;
}

float Word2Vec::learning_rate(Index epoch, Index tokens) const {
  const auto done =
      static_cast<double>(epoch * text_.num_tokens + tokens / kRateGrid * kRateGrid);
  const double all =
      static_cast<double>(options_.epochs) * static_cast<double>(text_.num_tokens);
  return static_cast<float>(options_.learning_rate * std::max(1 - done / all, kLowestRate));
}

bool Word2Vec::take_block(Index* block) {
  *block = next_block_;
  do {
    if (*block >= park_at_) return false;
  } while (!next_block_.compare_exchange_weak(*block, *block + 1));
  return true;
}

template <typename Objective>
void Word2Vec::run(const Objective& objective, Index num_sections,
                   const std::atomic<bool>& stop) {
  Word2VecWorker<Objective> worker(*this, objective, num_sections, stop);
  const Index section_tokens = (text_.num_tokens + num_sections - 1) / num_sections;
  const Index epoch_blocks = num_blocks_ / options_.epochs;
  Index block = 0;
  while (!stop && take_block(&block)) {
    const Index section = block % num_sections * section_tokens;
    const Index begin = section + block % epoch_blocks / num_sections * options_.block_tokens;
    const Index end =
        std::min({begin + options_.block_tokens, section + section_tokens, text_.num_tokens});
    if (begin >= end) continue;
    try {
      const bool is_whole =
          worker.train_block({block / epoch_blocks, section, num_sections}, begin, end);
      if (!is_whole) is_torn_ = true;
    } catch (...) {
      is_torn_ = true;
      throw;
    }
  }
  worker.finish();
}

// How often each word is a centre in all epochs, and so at least how often it is noise.
std::vector<double> Word2Vec::expected_centers() const {
  constexpr double kKeepAll = 1 << 24;
  std::vector<double> times(counts_.size());
  for (size_t word = 0; word < times.size(); ++word) {
    times[word] = static_cast<double>(counts_[word]) * static_cast<double>(options_.epochs) *
                  std::min(keep_below_[word] / kKeepAll, 1.0);
  }
  return times;
}

// Looks how far apart the threads' cores are; true where that calls for another plan. Where it
// cannot be told, on a busy system, they are taken to lie as before.
bool Word2Vec::cores_moved(int num_threads) {
  constexpr double kFarNs = 80;
  const double ns = line_transfer_ns(num_threads);
  const bool were_far = std::exchange(are_far_, ns > 0 ? ns > kFarNs : are_far_);
  return are_far_ != were_far;
}

// Rows that travel between cores that are far apart cost more than all else; where they are
// near, copies of words' rows cost more than they save. Nodes of a tree are met so often that
// their copies always pay, and beside them those of words do not.
void Word2Vec::plan_copies(int num_threads) {
  input_plan_ = output_plan_ = {};
  const bool pay = are_far_ || hierarchical_softmax_;
  if (num_threads < 2 || !options_.copy_rows.value_or(pay)) return;
  HotRowRule rule{num_threads, input_.stride(), kMostTokens, false};
  std::vector<double> uses = expected_centers();
  if (hierarchical_softmax_) {
    rule.most_uses = kMostNodes;
    rule.are_last = true;
    uses = hierarchical_softmax_->expected_uses(uses);
  } else {
    input_plan_ = plan_hot_rows(uses, rule);
    rule.most_uses = kMostTargets;
    for (double& times : uses) times *= 2;  // as a target, and as noise
  }
  output_plan_ = plan_hot_rows(uses, rule);
}

// Systems move threads from core to core, and virtual machines too: every now and then the
// threads are parked for a new look at where they are. That takes a hundredth of the time.
void Word2Vec::train(int num_threads, const std::function<bool()>& keep_going,
                     Index max_blocks) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds kLeastInterval{1};
  const Index section_tokens = (text_.num_tokens + num_threads - 1) / num_threads;
  const Index section_blocks =
      (section_tokens + options_.block_tokens - 1) / options_.block_tokens;
  num_blocks_ = section_blocks * num_threads * options_.epochs;
  const Index end = next_block_ + std::min(max_blocks, num_blocks_ - next_block_);
  const bool looks = !options_.copy_rows && !hierarchical_softmax_ && num_threads > 1 &&
                     num_threads <= kMostThreads;
  if (looks) cores_moved(num_threads);
  plan_copies(num_threads);

  Clock::duration interval = kLeastInterval;
  Clock::time_point began = Clock::now();
  Clock::time_point paused;
  bool is_paused = false;
  bool goes_on = true;
  const auto keep_on = [&] {
    if (looks && !is_paused && Clock::now() - began > interval) {
      is_paused = true;
      paused = Clock::now();
      park_at_ = 0;
    }
    return goes_on = keep_going();
  };
  for (is_parked_ = false; goes_on && next_block_ < end;) {
    park_at_ = end;
    if (is_parked_) break;  // asked for since, or in the midst of a look
    train_blocks(num_threads, keep_on);
    if (!is_paused) break;
    if (cores_moved(num_threads)) plan_copies(num_threads);
    is_paused = false;
    began = Clock::now();
    interval = std::max<Clock::duration>(kLeastInterval, 100 * (began - paused));
  }
}

// Trains until there are no more blocks to take.
void Word2Vec::train_blocks(int num_threads, const std::function<bool()>& keep_going) {
  const auto body = [&](int, const std::atomic<bool>& stop) {
    if (hierarchical_softmax_) {
      run(*hierarchical_softmax_, num_threads, stop);
    } else if (noise_contrastive_) {
      run(*noise_contrastive_, num_threads, stop);
    } else {
      run(*negative_sampling_, num_threads, stop);
    }
  };
  run_workers(num_threads, body, keep_going);
}

void Word2Vec::add_progress(Index epoch, Index tokens, double loss, int64_t num_pairs) {
  if (!std::isfinite(loss)) throw DivergenceError("a logit is not finite");
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  progress_.tokens += tokens;
  progress_.loss += loss;
  progress_.num_pairs += num_pairs;
  if (epoch == options_.epochs - 1) {
    progress_.last_loss += loss;
    progress_.last_pairs += num_pairs;
  }
  progress_.learning_rate = static_cast<double>(
      learning_rate(progress_.tokens / text_.num_tokens, progress_.tokens % text_.num_tokens));
}

void Word2Vec::restore(const Counters& counters) {
  const Index most = options_.epochs * text_.num_tokens;
  if (counters.next_block < 0 || counters.progress.tokens < 0 ||
      counters.progress.tokens > most) {
    throw std::invalid_argument("tokens must be from 0 to " + std::to_string(most) + ", got " +
                                std::to_string(counters.progress.tokens));
  }
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  next_block_ = counters.next_block;
  progress_ = counters.progress;
  log_normalizer_.set(counters.log_normalizer);
}

Word2Vec::Progress Word2Vec::progress() const {
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  return progress_;
}

bool Word2Vec::rows_are_finite() const {
  return is_finite(input_) && is_finite(output_) && std::isfinite(log_normalizer_.value());
}

}  // namespace embkit
