#pragma once

#include <cstdint>

#include "cuda/context_ring.h"
#include "cuda/kept_stream.h"
#include "cuda/targets.h"
#include "cuda/train_step.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

// Shared memory of one warp, beside the rows of its ring.
struct WarpStorage {
  KeptStorage kept;
  StepStorage step;
};

// Floats of the rows that one warp keeps: its ring, and what its steps need.
EMBKIT_HOST_DEVICE inline int64_t warp_floats(const TrainTask& task, bool is_cbow) {
  return ring_floats(task) + spare_floats(task, is_cbow);
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
        step_(warp, task, storage.step, rows + ring_floats(task)),
        num_warps_(num_warps) {}

  EMBKIT_HOST_DEVICE void run() {
    const Index first_chunk = task_.begin / kRateGrid;
    for (;;) {
      uint64_t taken = 0;
      if (warp_.lane() == 0) taken = warp_.take(&task_.counters->next_chunk);
      taken = warp_.shuffle(taken, 0);
      const Index chunk = first_chunk + static_cast<Index>(taken);
      const Index begin = chunk * kRateGrid;
      if (begin >= task_.end) return;
      train_chunk(begin > task_.begin ? begin : task_.begin,
                  begin + kRateGrid < task_.end ? begin + kRateGrid : task_.end);
      if (task_.learn_normalizer) join(taken);
    }
  }

 private:
  EMBKIT_HOST_DEVICE void train_chunk(Index begin, Index end) {
    const int window = task_.window;
    rate_ = learning_rate(task_, begin);
    oldest_ = loaded_ = 0;
    const int ahead = task_.prefetch ? 1 : 0;
    for (int center = stream_.start(warp_, begin, end);; ++center) {
      ring_.settle(warp_);
      if (task_.shared_words > 0) ring_.share(warp_);
      for (; oldest_ < center - window; ++oldest_) ring_.release(warp_, oldest_);
      stream_.fill(warp_, center + window + 1 + ahead);
      if (!stream_.is_center(center)) break;
      for (; loaded_ < stream_.size() && loaded_ <= center + window + ahead; ++loaded_) {
        ring_.load(warp_, loaded_, stream_.word(loaded_));
      }
      if (loaded_ <= center + window + 1) ring_.settle(warp_);  // the last one is needed now
      train_center(center);
    }
    for (; oldest_ < loaded_; ++oldest_) ring_.release(warp_, oldest_);
    report(end - begin);
  }

  EMBKIT_HOST_DEVICE void train_center(int center) {
    const int num_contexts = list_contexts(center);
    if (num_contexts == 0) return;
    ++tally_.centers;
    typename TrainStep<Warp, kBlocks>::Pass pass{num_contexts, 0, 0, rate_,
                                                 is_measured(task_, stream_.state(center))};
    const auto row = [&](int slot) { return ring_.value(slot); };
    if (kIsCbow || task_.sharing != Sharing::kPair) {
      pass.num_targets = list_targets(center, kFirstDraw);
      if constexpr (kIsCbow) {
        step_.train_cbow(pass, row, tally_);
      } else {
        step_.train_window(pass, row, tally_);
      }
      return;
    }
    pass.num_contexts = 1;
    for (; pass.first_context < num_contexts; ++pass.first_context) {
      const auto number = static_cast<uint64_t>(storage_.numbers[pass.first_context]);
      pass.num_targets =
          list_targets(center, kFirstDraw + number * static_cast<uint64_t>(task_.negatives));
      if constexpr (!kIsCbow) step_.train_window(pass, row, tally_);
    }
  }

  // Lists the slots of a centre's contexts in the text's order.
  EMBKIT_HOST_DEVICE int list_contexts(int center) {
    const uint32_t contexts = find_contexts(warp_, task_, stream_, center, oldest_, loaded_);
    const int lane = warp_.lane();
    const int slot = ring_.slot(warp_, center - task_.window + lane);
    if ((contexts >> lane & 1) != 0) {
      const int rank = count_bits(contexts & bits_below(lane));
      storage_.contexts[rank] = slot;
      storage_.numbers[rank] = lane;
    }
    warp_.sync();
    return count_bits(contexts);
  }

  EMBKIT_HOST_DEVICE int list_targets(int center, uint64_t first) {
    return find_targets(warp_, task_, stream_.word(center), stream_.state(center), first,
                        storage_);
  }

  EMBKIT_HOST_DEVICE void join(uint64_t chunk) {
    double mean = 0;
    if (warp_.lane() == 0) {
      mean = join_normalizer(warp_, task_, step_.normalizer(), chunk, num_warps_);
    }
    step_.set_normalizer(warp_.shuffle(mean, 0));
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
  int num_warps_;
  float rate_ = 0;
  int oldest_ = 0;  // tokens [oldest_, loaded_) are in the ring
  int loaded_ = 0;
};

}  // namespace embkit::cuda
