#pragma once

#include <cstdint>

#include "cuda/warp.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

constexpr int kTile = 6;        // output rows that a warp holds at once, as the CPU's kernels
constexpr int kTileStride = 8;  // floats for each context's steps in a tile
constexpr int kMaxTargets = 1 + kMaxNegatives;
constexpr int kMaxContexts = 2 * kMaxWindow;

// What lanes of a warp tell each other during a step, in shared memory.
struct alignas(16) StepStorage {
  float steps[kMaxContexts * kTileStride];  // logits at first
  uint32_t targets[kMaxTargets];            // output rows, the centre's first
  float offsets[kMaxTargets];               // of their logits
  int32_t contexts[kMaxContexts];           // slots of the ring
  int32_t numbers[kMaxContexts];            // and the contexts' places in the widest window
};

// What a warp has counted since it began.
struct Tally {
  float loss = 0;  // of this lane's logits
  uint32_t measured_pairs = 0;
  uint32_t pairs = 0;
  uint32_t centers = 0;
};

// Floats that a step needs beside the rows it trains.
EMBKIT_HOST_DEVICE inline int64_t spare_floats(const TrainTask& task, bool is_cbow) {
  if (is_cbow) return int64_t{2} * task.stride;
  return task.negatives + 1 > kTile ? int64_t{2} * task.window * task.stride : 0;
}

// Log Z as the model has it; 0 with negative sampling.
template <typename Warp>
EMBKIT_HOST_DEVICE double read_normalizer(Warp& warp, const TrainTask& task) {
  return task.offsets != nullptr ? warp.read(&task.counters->log_normalizer) : 0;
}

// Lets a worker's copy of log Z join the mean, by one lane; returns the mean. `chunk` is the
// number of what the worker took from this launch's queue: as long as some have taken nothing,
// the mean is of fewer.
template <typename Warp>
EMBKIT_HOST_DEVICE double join_normalizer(Warp& warp, const TrainTask& task, double copy,
                                          uint64_t chunk, int num_workers) {
  const double taken = static_cast<double>(chunk) + 1;
  const double count = taken < num_workers ? taken : num_workers;
  return warp.join(&task.counters->log_normalizer, copy, count);
}

// The step of stochastic gradient descent of simd/kernels.h, done by a warp: the logistic loss
// of a few input rows against a few output rows. Logits come from the rows as they are before
// the step; output rows are taken in equal tiles of at most kTile, and input rows gain what all
// tiles give them with the last.
//
// A logit is the dot product, minus the output word's offset and minus log Z (NCE; see
// TrainTask). Rows: output rows lie in global memory, where other warps change them; input rows
// are this warp's own copies.
template <typename Warp, int kBlocks>
class TrainStep {
 public:
  // spare: spare_floats(). Where a step has several tiles, the contexts' gradients; CBOW: the
  // input row and its gradient.
  EMBKIT_HOST_DEVICE TrainStep(Warp& warp, const TrainTask& task, StepStorage& storage,
                               float* spare)
      : warp_(warp),
        task_(task),
        storage_(storage),
        spare_(spare),
        normalizer_(read_normalizer(warp, task)) {}

  // This warp's copy of log Z, the same in every lane.
  EMBKIT_HOST_DEVICE double normalizer() const { return normalizer_; }
  EMBKIT_HOST_DEVICE void set_normalizer(double value) { normalizer_ = value; }

  // What one step is about.
  struct Pass {
    int num_contexts;
    int first_context;  // in storage.contexts
    int num_targets;
    float rate;
    bool is_measured;
  };

  // Each context against each target. row(slot) is an input row.
  template <typename Row>
  EMBKIT_HOST_DEVICE void train_window(const Pass& pass, const Row& row, Tally& tally) {
    const auto context = [&](int i) { return row(storage_.contexts[pass.first_context + i]); };
    begin_step();
    int left = (pass.num_targets + kTile - 1) / kTile;
    for (int first = 0; left > 0; --left) {
      const int size = (pass.num_targets - first + left - 1) / left;
      find_steps(pass, pass.num_contexts, context, first, size, tally);
      const bool is_first = first == 0, is_last = left == 1;
      update_rows(pass.num_contexts, first, size, context, [&](int i, int column, Float4 gain) {
        Float4& kept = at(spare_ + int64_t{i} * task_.stride, column);
        Float4& value = at(context(i), column);
        if (!is_first) gain = gain + kept;
        (is_last ? value : kept) = is_last ? value + gain : gain;
      });
      first += size;
    }
    end_step(pass, pass.num_contexts, tally);
  }

  // The contexts' sum or mean against each target; every context gains the whole gradient.
  template <typename Row>
  EMBKIT_HOST_DEVICE void train_cbow(const Pass& pass, const Row& row, Tally& tally) {
    float* const hidden = spare_;
    float* const gradient = spare_ + task_.stride;
    const float scale =
        task_.sum_contexts ? 1.0f : 1.0f / static_cast<float>(pass.num_contexts);
    for_columns<kBlocks>(warp_.lane(), task_.stride, [&](int, int column) {
      Float4 sum{0, 0, 0, 0};
      for (int i = 0; i < pass.num_contexts; ++i) {
        sum = sum + at(row(storage_.contexts[pass.first_context + i]), column);
      }
      at(hidden, column) = scale * sum;
      at(gradient, column) = {0, 0, 0, 0};
    });
    begin_step();
    const auto context = [&](int) { return hidden; };
    int left = (pass.num_targets + kTile - 1) / kTile;
    for (int first = 0; left > 0; --left) {
      const int size = (pass.num_targets - first + left - 1) / left;
      find_steps(pass, 1, context, first, size, tally);
      update_rows(1, first, size, context, [&](int, int column, Float4 gain) {
        at(gradient, column) = at(gradient, column) + gain;
      });
      first += size;
    }
    end_step(pass, 1, tally);
    for_columns<kBlocks>(warp_.lane(), task_.stride, [&](int, int column) {
      for (int i = 0; i < pass.num_contexts; ++i) {
        Float4& value = at(row(storage_.contexts[pass.first_context + i]), column);
        value = value + at(gradient, column);
      }
    });
    warp_.sync();  // before contexts are listed anew
  }

 private:
  static constexpr int kHeldBlocks = kBlocks > 0 ? kBlocks : 1;

  EMBKIT_HOST_DEVICE static Float4& at(float* row, int column) {
    return *reinterpret_cast<Float4*>(row + column);
  }

  EMBKIT_HOST_DEVICE float* target_row(int target) const {
    return task_.output + static_cast<int64_t>(storage_.targets[target]) * task_.stride;
  }

  EMBKIT_HOST_DEVICE void begin_step() {
    gain_ = 0;
    log_z_ = static_cast<float>(normalizer_);
  }

  EMBKIT_HOST_DEVICE void end_step(const Pass& pass, int num_pairs, Tally& tally) {
    tally.pairs += static_cast<uint32_t>(num_pairs);
    if (pass.is_measured) tally.measured_pairs += static_cast<uint32_t>(num_pairs);
    if (task_.learn_normalizer) normalizer_ -= double{sum_lanes(warp_, gain_)};
  }

  // A tile's rows into y_, and rate * (label - sigmoid(logit)) of every pair into storage.
  template <typename Context>
  EMBKIT_HOST_DEVICE void find_steps(const Pass& pass, int num_inputs, const Context& context,
                                     int first, int size, Tally& tally) {
    if (kBlocks > 0) load_tile(first, size);
    for (int i = 0; i < num_inputs; ++i) {
      float sums[8] = {};
      const float* const x = context(i);
      for_columns<kBlocks>(warp_.lane(), task_.stride, [&](int block, int column) {
        if (kBlocks == 0) load_columns(first, size, 0, column);
        const Float4 mine = *reinterpret_cast<const Float4*>(x + column);
        EMBKIT_UNROLL
        for (int t = 0; t < kTile; ++t) sums[t] += dot(mine, y_[t][kBlocks > 0 ? block : 0]);
      });
      const float sum = sum_eight(warp_, sums);
      if (warp_.lane() % 4 == 0) storage_.steps[i * kTileStride + warp_.lane() / 4] = sum;
    }
    warp_.sync();
    for (int i = warp_.lane(); i < num_inputs * kTileStride; i += kWarpSize) {
      const int t = i % kTileStride;
      storage_.steps[i] = t < size ? step_of(pass, first + t, storage_.steps[i], tally) : 0;
    }
    warp_.sync();
  }

  EMBKIT_HOST_DEVICE float step_of(const Pass& pass, int target, float logit, Tally& tally) {
    logit -= storage_.offsets[target] + log_z_;
    const bool is_center = target == 0;
    if (pass.is_measured) tally.loss += softplus(is_center ? -logit : logit);
    const float step = pass.rate * ((is_center ? 1.0f : 0.0f) - sigmoid(logit));
    gain_ += step;
    return step;
  }

  EMBKIT_HOST_DEVICE void load_tile(int first, int size) {
    for_columns<kBlocks>(warp_.lane(), task_.stride, [&](int block, int column) {
      load_columns(first, size, block, column);
    });
  }

  EMBKIT_HOST_DEVICE void load_columns(int first, int size, int block, int column) {
    EMBKIT_UNROLL
    for (int t = 0; t < kTile; ++t) {
      y_[t][block] = t < size ? warp_.load(target_row(first + t) + column) : Float4{0, 0, 0, 0};
    }
  }

  // Gives the steps to both sides. keep(input, column, gain) stores what an input row gains.
  template <typename Context, typename Keep>
  EMBKIT_HOST_DEVICE void update_rows(int num_inputs, int first, int size,
                                      const Context& context, const Keep& keep) {
    for_columns<kBlocks>(warp_.lane(), task_.stride, [&](int block, int column) {
      if (kBlocks == 0) load_columns(first, size, 0, column);
      Float4 delta[kTile] = {};
      for (int i = 0; i < num_inputs; ++i) {
        const float* const steps = storage_.steps + i * kTileStride;
        const Float4 low = *reinterpret_cast<const Float4*>(steps);
        const Float4 high = *reinterpret_cast<const Float4*>(steps + 4);
        const float step[kTile] = {low.x, low.y, low.z, low.w, high.x, high.y};
        const Float4 x = *reinterpret_cast<const Float4*>(context(i) + column);
        Float4 gain{0, 0, 0, 0};
        EMBKIT_UNROLL
        for (int t = 0; t < kTile; ++t) {
          gain = gain + step[t] * y_[t][kBlocks > 0 ? block : 0];
          delta[t] = delta[t] + step[t] * x;
        }
        keep(i, column, gain);
      }
      EMBKIT_UNROLL
      for (int t = 0; t < kTile; ++t) {
        if (t < size) warp_.add(target_row(first + t) + column, delta[t], task_.updates);
      }
    });
    warp_.sync();  // before steps are overwritten
  }

  Warp& warp_;
  const TrainTask& task_;
  StepStorage& storage_;
  float* spare_;
  double normalizer_;
  float log_z_ = 0;  // as the present step has it
  float gain_ = 0;   // what this lane's steps sum up to
  Float4 y_[kTile][kHeldBlocks];
};

}  // namespace embkit::cuda
