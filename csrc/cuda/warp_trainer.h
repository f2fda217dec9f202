#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "cuda/context_ring.h"
#include "cuda/kept_stream.h"
#include "cuda/train_step.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

constexpr Index kRateGrid = 1024;     // positions that share a learning rate, and a chunk
constexpr double kLowestRate = 1e-4;  // of the first
constexpr uint64_t kFirstDraw = 2;    // of the noise: 0 keeps a token, 1 is its window

// Linear over the run, constant on a grid of positions: as train/word2vec.cpp.
EMBKIT_HOST_DEVICE inline float learning_rate(const TrainTask& task, Index position) {
  const auto done =
      static_cast<double>(task.epoch * task.num_tokens + position / kRateGrid * kRateGrid);
  const double all = static_cast<double>(task.epochs) * static_cast<double>(task.num_tokens);
  const double share = 1 - done / all;
  return static_cast<float>(task.learning_rate * (share > kLowestRate ? share : kLowestRate));
}

// Shared memory of one warp, beside the rows of its ring.
struct WarpStorage {
  KeptStorage kept;
  StepStorage step;
};

// Floats of the rows that one warp keeps: its ring, and what its steps need.
template <typename Warp, int kBlocks>
EMBKIT_HOST_DEVICE int64_t warp_rows(const TrainTask& task, bool is_cbow) {
  return ContextRing<Warp, kBlocks>::floats(task.window, task.stride) +
         TrainStep<Warp, kBlocks>::spare_floats(task, is_cbow);
}

// One warp of the training kernel: takes chunks of positions from the launch's queue and trains
// their centres in order. Draws depend on positions alone, and rows are all written back at the
// end of a chunk, so that neither the chunks nor who takes them show in what is drawn.
template <typename Warp, int kBlocks, bool kIsCbow>
class WarpTrainer {
 public:
  EMBKIT_HOST_DEVICE WarpTrainer(Warp& warp, const TrainTask& task, WarpStorage& storage,
                                 float* rows, int num_warps)
      : warp_(warp),
        task_(task),
        storage_(storage.step),
        stream_(task, storage.kept),
        ring_(task, rows),
        step_(warp, task, storage.step,
              rows + ContextRing<Warp, kBlocks>::floats(task.window, task.stride),
              1.0f / static_cast<float>(num_warps)) {}

  EMBKIT_HOST_DEVICE void run() {
    const Index first_chunk = task_.begin / kRateGrid;
    for (;;) {
      uint64_t taken = 0;
      if (warp_.lane() == 0) taken = warp_.take(&task_.counters->next_chunk);
      const Index chunk = first_chunk + static_cast<Index>(warp_.shuffle(taken, 0));
      const Index begin = chunk * kRateGrid;
      if (begin >= task_.end) return;
      train_chunk(begin > task_.begin ? begin : task_.begin,
                  begin + kRateGrid < task_.end ? begin + kRateGrid : task_.end);
    }
  }

 private:
  EMBKIT_HOST_DEVICE void train_chunk(Index begin, Index end) {
    const int window = task_.window;
    rate_ = learning_rate(task_, begin);
    oldest_ = loaded_ = 0;
    for (int center = stream_.start(warp_, begin, end);; ++center) {
      for (; oldest_ < center - window; ++oldest_) ring_.release(warp_, oldest_);
      stream_.fill(warp_, center + window + 1);
      if (!stream_.is_center(center)) break;
      for (; loaded_ < stream_.size() && loaded_ <= center + window; ++loaded_) {
        ring_.load(warp_, loaded_, stream_.word(loaded_));
      }
      train_center(center);
    }
    for (; oldest_ < loaded_; ++oldest_) ring_.release(warp_, oldest_);
    report(end - begin);
  }

  EMBKIT_HOST_DEVICE void train_center(int center) {
    const uint64_t state = stream_.state(center);
    const uint64_t draw = further_draw(state, 1);
    const int num_contexts = find_contexts(center, draw);
    if (num_contexts == 0) return;
    ++tally_.centers;
    typename TrainStep<Warp, kBlocks>::Pass pass{num_contexts, 0, 0, rate_,
                                                 (draw & task_.loss_mask) == 0};
    const uint32_t word = stream_.word(center);
    const auto row = [&](int slot) { return ring_.value(slot); };
    if constexpr (kIsCbow) {
      pass.num_targets = find_targets(word, state, kFirstDraw);
      step_.train_cbow(pass, row, tally_);
      return;
    }
    if (task_.sharing != Sharing::kPair) {
      pass.num_targets = find_targets(word, state, kFirstDraw);
      step_.train_window(pass, row, tally_);
      return;
    }
    pass.num_contexts = 1;
    for (; pass.first_context < num_contexts; ++pass.first_context) {
      const auto number = static_cast<uint64_t>(storage_.numbers[pass.first_context]);
      pass.num_targets = find_targets(
          word, state, kFirstDraw + number * static_cast<uint64_t>(task_.negatives));
      step_.train_window(pass, row, tally_);
    }
  }

  // Lists the slots of a centre's contexts in the text's order.
  EMBKIT_HOST_DEVICE int find_contexts(int center, uint64_t draw) {
    const int window = task_.window;
    const int radius = task_.dynamic_window
                           ? 1 + static_cast<int>(below(draw, static_cast<uint32_t>(window)))
                           : window;
    const int lane = warp_.lane();
    const int token = center - window + lane;
    const int distance = token < center ? center - token : token - center;
    const bool is_context = distance > 0 && distance <= radius && token >= oldest_ &&
                            token < loaded_ &&
                            stream_.sentence(token) == stream_.sentence(center);
    const uint32_t contexts = warp_.ballot(is_context);
    const int slot = ring_.slot(warp_, token);
    if (is_context) {
      const int rank = count_bits(contexts & bits_below(lane));
      storage_.contexts[rank] = slot;
      storage_.numbers[rank] = lane;
    }
    warp_.sync();
    return count_bits(contexts);
  }

  // Lists the centre and its noise words, from draw number `first` on.
  EMBKIT_HOST_DEVICE int find_targets(uint32_t center, uint64_t state, uint64_t first) {
    const int lane = warp_.lane();
    uint32_t word = center;
    if (lane < task_.negatives) {
      const uint64_t draw = further_draw(state, first + static_cast<uint64_t>(lane));
      word = sample_alias(task_.noise, task_.num_words, draw);
    }
    const bool is_noise = lane < task_.negatives && (task_.keeps_center || word != center);
    const uint32_t noise = warp_.ballot(is_noise);
    if (is_noise) storage_.targets[1 + count_bits(noise & bits_below(lane))] = word;
    if (lane == 0) storage_.targets[0] = center;
    warp_.sync();
    return 1 + count_bits(noise);
  }

  EMBKIT_HOST_DEVICE void report(Index tokens) {
    const float loss = sum_lanes(warp_, tally_.loss);
    if (warp_.lane() == 0) {
      Counters& counters = *task_.counters;
      warp_.count(&counters.loss, double{loss});
      warp_.count(&counters.measured_pairs, tally_.measured_pairs);
      warp_.count(&counters.pairs, tally_.pairs);
      warp_.count(&counters.centers, tally_.centers);
      warp_.count(&counters.tokens, static_cast<uint64_t>(tokens));
    }
    tally_ = {};
  }

  Warp& warp_;
  const TrainTask& task_;
  StepStorage& storage_;
  KeptStream<Warp> stream_;
  ContextRing<Warp, kBlocks> ring_;
  TrainStep<Warp, kBlocks> step_;
  Tally tally_;
  float rate_ = 0;
  int oldest_ = 0;  // tokens [oldest_, loaded_) are in the ring
  int loaded_ = 0;
};

}  // namespace embkit::cuda
