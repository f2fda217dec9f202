#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/random.h"
#include "cuda/kept_stream.h"
#include "cuda/train_step.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

// What is drawn for a centre, the same draws as on the CPU (train/word2vec_worker.h).
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

// The contexts of a centre among tokens [oldest, newest): bit i is token center - window + i.
template <typename Warp, typename Stream>
EMBKIT_HOST_DEVICE uint32_t find_contexts(Warp& warp, const TrainTask& task,
                                          const Stream& stream, int center, int oldest,
                                          int newest) {
  const auto window = static_cast<uint32_t>(task.window);
  const uint64_t draw = further_draw(stream.state(center), 1);
  const int radius = static_cast<int>(task.dynamic_window ? 1 + below(draw, window) : window);
  const int token = center - task.window + warp.lane();
  const int distance = token < center ? center - token : token - center;
  return warp.ballot(distance > 0 && distance <= radius && token >= oldest && token < newest &&
                     stream.sentence(token) == stream.sentence(center));
}

EMBKIT_HOST_DEVICE inline bool is_measured(const TrainTask& task, uint64_t state) {
  return (further_draw(state, 1) & task.loss_mask) == 0;
}

// Lists the centre and its noise words, from draw number `first` on. Returns how many they are.
template <typename Warp>
EMBKIT_HOST_DEVICE int find_targets(Warp& warp, const TrainTask& task, uint32_t center,
                                    uint64_t state, uint64_t first, StepStorage& storage) {
  const int lane = warp.lane();
  uint32_t word = center;
  if (lane < task.negatives) {
    const uint64_t draw = further_draw(state, first + static_cast<uint64_t>(lane));
    word = sample_alias(task.noise, task.num_words, draw);
  }
  const bool is_noise = lane < task.negatives && (task.keeps_center || word != center);
  const uint32_t noise = warp.ballot(is_noise);
  const auto list = [&](int place, uint32_t target) {
    storage.targets[place] = target;
    storage.offsets[place] = task.offsets != nullptr ? task.offsets[target] : 0;
  };
  if (is_noise) list(1 + count_bits(noise & bits_below(lane)), word);
  if (lane == 0) list(0, center);
  warp.sync();
  return 1 + count_bits(noise);
}

}  // namespace embkit::cuda
