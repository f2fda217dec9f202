#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "simd/kernels.h"
#include "train/hot_rows.h"
#include "train/word2vec.h"

namespace embkit {

// One thread of Word2Vec. Prepares each centre (its window, its targets) a few centres before
// it trains it, and has the steps between ask for the rows, so that these are on their way
// from memory meanwhile.
template <typename Objective>
class Word2VecWorker {
 public:
  Word2VecWorker(Word2Vec& model, const Objective& objective, Index num_threads,
                 const std::atomic<bool>& stop)
      : model_(model),
        objective_(objective),
        stop_(stop),
        kernels_(simd::kernels()),
        input_rows_(model.input_, model.input_plan_),
        output_rows_(model.output_, model.output_plan_),
        num_threads_(static_cast<double>(num_threads)),
        join_interval_(std::max<size_t>(kCentersStale / static_cast<size_t>(num_threads), 1)),
        tokens_(model.text_, model.keep_below_, model.options_.window),
        inputs_(2 * static_cast<size_t>(model.options_.window)),
        outputs_(static_cast<size_t>(objective.max_targets())),
        logits_(inputs_.size() * outputs_.size()),
        scratch_(1, static_cast<Index>(simd::scratch_floats(
                        inputs_.size(), static_cast<size_t>(model.input_.stride())))),
        block_noise_(objective.max_targets()) {
    const size_t lists = model.options_.share_negatives ? 1 : inputs_.size();
    for (Prepared& prepared : ring_) {
      prepared.draws.resize(lists * static_cast<size_t>(objective.max_draws()));
      prepared.targets.assign(lists, Targets(objective.max_targets()));
    }
    coming_.reserve(1 + (lists + 1) * outputs_.size());
    normalizer_ = model.log_normalizer_.value();
  }

  // Adds what the copies of rows have gained: before anyone reads the matrices.
  void finish() {
    const std::lock_guard<std::mutex> lock(model_.progress_mutex_);
    input_rows_.exchange();
    output_rows_.exchange();
  }

  // Where a block lies: sections are walked side by side, all from their beginnings.
  struct Walk {
    Index epoch;
    Index section_begin;
    Index num_sections;
  };

  // False where it was stopped before the end.
  bool train_block(const Walk& walk, Index begin, Index end) {
    const Index epoch = model_.options_.first_epoch + walk.epoch;
    random_ = EpochRandom(model_.options_.seed, static_cast<uint64_t>(epoch));
    tokens_.fill(begin, end, random_);
    noise_block_ = -1;
    loss_ = 0;
    num_pairs_ = 0;
    const size_t count = tokens_.size();
    for (size_t step = 0; step < count + kDrawAhead; ++step) {
      const size_t i = step - kDrawAhead;  // wraps around before the first centre
      if (step < count) draw(step);
      if (i + kInputAhead < count) {
        input_rows_.announce(tokens_[i + kInputAhead].word, coming_);
      }
      if (i + kTargetAhead < count) find_targets(i + kTargetAhead);
      if (i < count && tokens_[i].is_center) train_center(walk, i);
      for (const float* row : coming_) prefetch(row);  // what no step has asked for
      coming_.clear();
      if (step % join_interval_ == 0) join_normalizer();
      if (step % kStopInterval == 0 && stop_) return false;
    }
    join_normalizer();
    model_.add_progress(walk.epoch, end - begin, loss_, num_pairs_);
    return true;
  }

 private:
  // How many centres before its own training a word's draws are made, its input row is asked
  // for, its targets are looked up and their rows asked for.
  static constexpr size_t kDrawAhead = 8;
  static constexpr size_t kInputAhead = 8;
  static constexpr size_t kTargetAhead = 2;
  static constexpr size_t kRing = 16;  // a power of two above kDrawAhead
  static constexpr size_t kStopInterval = 256;
  static constexpr size_t kCentersStale = 512;  // of all threads, between two joins of one
  static constexpr uint64_t kFirstDraw = 2;  // of the targets: 0 keeps a token, 1 is its window

  struct Prepared {
    size_t first;  // the window: tokens [first, last) without the centre
    size_t last;
    bool is_measured;
    std::vector<uint64_t> draws;
    std::vector<Targets> targets;  // one list, or one for each context
  };

  Prepared& prepared(size_t i) { return ring_[i % kRing]; }

  // Gives a step its share of the rows that are coming, when it is the first of `num_steps`.
  void share_coming(simd::Step& step, int num_steps) {
    const size_t steps = static_cast<size_t>(num_steps);
    const size_t count = (coming_.size() + steps - 1) / steps;
    step.coming = coming_.data() + (coming_.size() - count);
    step.num_coming = static_cast<int>(count);
    coming_.resize(coming_.size() - count);
  }

  void prefetch(const float* row) const {
    const float* const end = row + model_.input_.stride();
    for (; row < end; row += PaddedMatrix::kLine) __builtin_prefetch(row);
  }

  // Settles the window of a centre and makes the draws of its targets.
  void draw(size_t i) {
    const KeptTokens::Token& center = tokens_[i];
    if (!center.is_center) return;
    const Word2VecOptions& options = model_.options_;
    const auto window = static_cast<uint32_t>(options.window);
    const uint64_t draw = further_draw(center.state, 1);
    const size_t radius = options.dynamic_window ? 1 + below(draw, window) : window;
    Prepared& out = prepared(i);
    out.first = i - std::min(radius, i - center.first);
    out.last = std::min(i + radius + 1, static_cast<size_t>(center.last));
    out.is_measured = (draw & model_.loss_mask_) == 0;
    if (Objective::kIsCorrected && options.block_size > 0) return;
    if (options.share_negatives) {
      objective_.prepare(center.word, center.state, kFirstDraw, out.draws.data());
      return;
    }
    const auto draws = static_cast<size_t>(objective_.max_draws());
    for (size_t j = out.first, list = 0; j < out.last; ++j) {
      if (j == i) continue;
      // The draws of a pair belong to the context's slot in the widest window, whatever the
      // window drawn.
      const uint64_t slot = j + window - i;
      objective_.prepare(center.word, center.state, kFirstDraw + slot * draws,
                         out.draws.data() + list++ * draws);
    }
  }

  void find_targets(size_t i) {
    const KeptTokens::Token& center = tokens_[i];
    if (!center.is_center) return;
    Prepared& out = prepared(i);
    if constexpr (Objective::kIsCorrected) {
      if (model_.options_.block_size > 0) {
        join_block(center, out.targets[0]);
        return;
      }
    }
    const size_t lists = model_.options_.share_negatives ? 1 : out.last - out.first - 1;
    for (size_t list = 0; list < lists; ++list) {
      Targets& targets = out.targets[list];
      const auto draws = list * static_cast<size_t>(objective_.max_draws());
      objective_.find(center.word, out.draws.data() + draws, targets);
      for (int t = 0; t < targets.count; ++t) {
        const WordId row = targets.rows[static_cast<size_t>(t)];
        if (t < Objective::kHotTargets) {
          output_rows_.count(row);
        } else {
          output_rows_.announce(row, coming_);
        }
      }
    }
  }

  // The centre against the noise words that its block's first position draws.
  void join_block(const KeptTokens::Token& center, Targets& out) {
    const Index block = center.position / model_.options_.block_size;
    if (block != noise_block_) {
      noise_block_ = block;
      const Index first = block * model_.options_.block_size;
      objective_.find_shared(random_.at(static_cast<uint64_t>(first)), kFirstDraw,
                             block_noise_);
      for (int t = 0; t < block_noise_.count; ++t) {
        output_rows_.announce(block_noise_.rows[static_cast<size_t>(t)], coming_);
      }
    }
    for (int t = 0; t < block_noise_.count; ++t) {
      output_rows_.count(block_noise_.rows[static_cast<size_t>(t)]);
    }
    objective_.join(center.word, block_noise_, out);
    output_rows_.announce(center.word, coming_);
  }

  void join_normalizer() {
    if (!Objective::kIsCorrected || !model_.options_.learn_normalizer) return;
    normalizer_ = model_.log_normalizer_.join(normalizer_, num_threads_);
  }

  void train_center(const Walk& walk, size_t i) {
    const Prepared& window = prepared(i);
    const int num_inputs = static_cast<int>(window.last - window.first) - 1;
    if (num_inputs == 0) return;
    find_inputs(window, i);
    simd::Step step{};
    step.stride = static_cast<int>(model_.input_.stride());
    step.learning_rate = model_.learning_rate(
        walk.epoch, (tokens_[i].position - walk.section_begin) * walk.num_sections);
    step.scratch = scratch_.data();
    is_measured_ = window.is_measured;
    const bool needs_logits = is_measured_ || model_.options_.learn_normalizer;
    step.logits = needs_logits ? logits_.data() : nullptr;
    if (model_.options_.share_negatives) {
      share_coming(step, 1);
      train_step(step, inputs_.data(), num_inputs, window.targets[0]);
      return;
    }
    for (int j = 0; j < num_inputs; ++j) {
      share_coming(step, num_inputs - j);
      train_step(step, inputs_.data() + j, 1, window.targets[static_cast<size_t>(j)]);
    }
  }

  // Without copies, as many rows as the widest window has: where the end of a loop is drawn
  // at random, a processor waits for it longer than for the rows that nobody will use.
  void find_inputs(const Prepared& window, size_t i) {
    if (input_rows_.has_copies()) {
      for (size_t j = window.first, k = 0; j < window.last; ++j) {
        if (j != i) inputs_[k++] = input_rows_.use(tokens_[j].word);
      }
      return;
    }
    for (size_t k = 0; k < inputs_.size(); ++k) {
      const size_t j = window.first + k;
      inputs_[k] = model_.input_.row(tokens_[j + (j >= i)].word);
    }
  }

  void train_step(simd::Step& step, float* const* inputs, int num_inputs,
                  const Targets& targets) {
    for (int t = 0; t < targets.count; ++t) {
      outputs_[static_cast<size_t>(t)] = output_rows_.use(targets.rows[static_cast<size_t>(t)]);
    }
    step.inputs = inputs;
    step.num_inputs = num_inputs;
    step.outputs = outputs_.data();
    step.num_outputs = targets.count;
    step.labels = targets.labels.data();
    if constexpr (Objective::kIsCorrected) {
      step.offsets = targets.offsets.data();
      step.weights = targets.weights.data();
      step.offset = static_cast<float>(normalizer_);
    }
    const bool is_cbow = model_.options_.is_cbow;
    if (is_cbow) {
      step.scale = model_.options_.sum_contexts ? 1 : 1 / static_cast<float>(num_inputs);
      kernels_.train_cbow(step);
    } else {
      kernels_.train_window(step);
    }
    const int num_pairs = is_cbow ? 1 : num_inputs;
    if constexpr (Objective::kIsCorrected) {
      if (is_measured_) measure_weighted(targets, num_pairs);
      if (model_.options_.learn_normalizer) {
        learn_normalizer(targets, num_pairs, step.learning_rate);
      }
    } else {
      if (is_measured_) measure(targets, num_pairs);
    }
  }

  // Adds -log of the probability of each label: the sum of log(1 + exp(x)), with one logarithm
  // for a whole pair since log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).
  void measure(const Targets& targets, int num_pairs) {
    const float* logit = logits_.data();
    for (int i = 0; i < num_pairs; ++i) {
      double linear = 0;
      double product = 1;  // of factors from 1 to 2
      for (int t = 0; t < targets.count; ++t, ++logit) {
        const float x = targets.labels[static_cast<size_t>(t)] > 0 ? -*logit : *logit;
        linear += x > 0 ? x : 0;
        product *= 1 + std::exp(-std::fabs(x));
        if (product > 0x1p900) loss_ += std::log(std::exchange(product, 1));
      }
      loss_ += linear + std::log(product);
    }
    num_pairs_ += num_pairs;
  }

  // The same where targets have weights.
  void measure_weighted(const Targets& targets, int num_pairs) {
    const float* logit = logits_.data();
    for (int i = 0; i < num_pairs; ++i) {
      for (size_t t = 0; t < static_cast<size_t>(targets.count); ++t, ++logit) {
        const double x = static_cast<double>(targets.labels[t] > 0 ? -*logit : *logit);
        const double loss = std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
        loss_ += static_cast<double>(targets.weights[t]) * loss;
      }
    }
    num_pairs_ += num_pairs;
  }

  // Log Z is taken from every logit, so that its gradient is less the sum of theirs.
  void learn_normalizer(const Targets& targets, int num_pairs, float learning_rate) {
    const float* logit = logits_.data();
    double gain = 0;
    for (int i = 0; i < num_pairs; ++i) {
      for (size_t t = 0; t < static_cast<size_t>(targets.count); ++t, ++logit) {
        const float error = 1 / (1 + std::exp(-*logit)) - static_cast<float>(targets.labels[t]);
        gain += static_cast<double>(targets.weights[t] * error);
      }
    }
    normalizer_ += static_cast<double>(learning_rate) * gain;
  }

  Word2Vec& model_;
  const Objective& objective_;
  const std::atomic<bool>& stop_;
  const simd::Kernels& kernels_;
  HotRows input_rows_;
  HotRows output_rows_;
  double num_threads_;
  size_t join_interval_;
  KeptTokens tokens_;
  std::vector<float*> inputs_;
  std::vector<float*> outputs_;
  std::vector<float> logits_;
  PaddedMatrix scratch_;  // for its alignment
  Prepared ring_[kRing];
  std::vector<const float*> coming_;  // rows that later centres need, not asked for yet
  EpochRandom random_{0, 0};
  Targets block_noise_;     // of noise_block_
  Index noise_block_ = -1;  // of this epoch
  double normalizer_;       // this thread's copy of log Z
  bool is_measured_ = false;
  double loss_ = 0;
  int64_t num_pairs_ = 0;
};

}  // namespace embkit
