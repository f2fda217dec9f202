#pragma once

#include <cstddef>
#include <cstdint>

#include "core/alias_table.h"
#include "cuda/kept_stream.h"
#include "cuda/targets.h"
#include "cuda/tile.h"
#include "cuda/train_step.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

// What one tile of block_trainer.h consists of: how its matrices lie, which rows they hold.
namespace embkit::cuda {

constexpr int kWarpsPerTile = 8;  // of a block of threads
constexpr int kTileCenters = 32;  // of a tile: a centre is a bit of a mask
static_assert(kTileCenters == kWarpSize);
constexpr int kMaxRows =
    (kTileCenters + 2 * kMaxWindow + kTileSide - 1) / kTileSide * kTileSide;
constexpr int kNoise = kTileCenters;  // the first noise row among the outputs

EMBKIT_HOST_DEVICE inline int round_up(int value, int to) { return (value + to - 1) / to * to; }

// How the matrices of a tile lie in shared memory.
struct BlockShape {
  int rows;         // context rows: a tile's centres and a window to each side
  int outputs;      // centres, then noise
  int columns;      // of all these, zeros beyond the stride
  int stride;       // floats from row to row
  int step_stride;  // of the steps [rows][outputs]

  EMBKIT_HOST_DEVICE explicit BlockShape(const TrainTask& task)
      : rows(round_up(kTileCenters + 2 * task.window, kTileSide)),
        outputs(kTileCenters + round_up(task.block_negatives, kTileSide)),
        columns(round_up(task.stride, kTileSide)),
        stride(columns + 4),
        step_stride(outputs + 4) {}

  EMBKIT_HOST_DEVICE int64_t floats(int num_warps) const {
    return int64_t{rows} * stride + int64_t{outputs} * stride + int64_t{rows} * step_stride +
           int64_t{num_warps} * kTileSide * kTileSide;
  }
};

// What the warps of a block tell each other, in shared memory.
struct BlockShared {
  KeptTokens<128> kept;
  uint64_t taken;
  double normalizer;                      // this block's copy of log Z
  float normalizer_gains[kWarpsPerTile];  // what each warp's steps of a tile sum up to
  // The tile.
  int num_centers;
  int num_trained;  // of them, those that have a context
  int num_rows;
  float rate;
  uint32_t measured;              // the centres whose loss is measured
  uint32_t words[kMaxRows];       // of the context rows
  uint32_t centers_of[kMaxRows];  // the centres that have this row among their contexts
  uint32_t centers[kTileCenters];
  float center_offsets[kTileCenters];
  // The noise of the block: distinct words in the order of their first draws.
  int num_noise;
  uint32_t drawn[kMaxBlockNegatives];
  uint32_t noise[kMaxBlockNegatives];
  float weights[kMaxBlockNegatives];  // multiplicity * negatives / block_negatives
  float noise_offsets[kMaxBlockNegatives];
  uint32_t is_center[kMaxBlockNegatives];  // the tile's centres that are this word
};

// Shared memory of a block of threads on a device: its matrices, then BlockShared.
inline size_t block_shared_bytes(const TrainTask& task) {
  const auto floats = static_cast<size_t>(BlockShape(task).floats(kWarpsPerTile));
  return floats * sizeof(float) + sizeof(BlockShared);
}

// Draws and merges the noise words of a block; by one warp.
template <typename Warp>
EMBKIT_HOST_DEVICE void find_noise(Warp& warp, const TrainTask& task, BlockShared& shared,
                                   Index block_begin) {
  const EpochRandom random(task.seed, static_cast<uint64_t>(task.first_epoch + task.epoch));
  const uint64_t state = random.at(static_cast<uint64_t>(block_begin));
  const int count = task.block_negatives;
  for (int i = warp.lane(); i < count; i += kWarpSize) {
    const uint64_t draw = further_draw(state, kFirstDraw + static_cast<uint64_t>(i));
    shared.drawn[i] = sample_alias(task.noise, task.num_words, draw);
  }
  warp.sync();
  const float weight = static_cast<float>(task.negatives) / static_cast<float>(count);
  int found = 0;
  for (int begin = 0; begin < count; begin += kWarpSize) {
    const int i = begin + warp.lane();
    int times = 0;
    bool is_first = i < count;
    for (int other = 0; i < count && other < count; ++other) {
      if (shared.drawn[other] != shared.drawn[i]) continue;
      ++times;
      if (other < i) is_first = false;
    }
    const uint32_t firsts = warp.ballot(is_first);
    if (is_first) {
      const int place = found + count_bits(firsts & bits_below(warp.lane()));
      const uint32_t word = shared.drawn[i];
      shared.noise[place] = word;
      shared.weights[place] = weight * static_cast<float>(times);
      shared.noise_offsets[place] = task.offsets != nullptr ? task.offsets[word] : 0;
    }
    found += count_bits(firsts);
  }
  if (warp.lane() == 0) shared.num_noise = found;
}

template <typename Warp>
EMBKIT_HOST_DEVICE void find_centers_in_noise(Warp& warp, const TrainTask& task,
                                              BlockShared& shared, int count) {
  for (int i = warp.lane(); i < shared.num_noise; i += kWarpSize) {
    uint32_t same = 0;
    for (int c = 0; c < count; ++c) {
      same |= uint32_t{shared.centers[c] == shared.noise[i]} << c;
    }
    shared.is_center[i] = task.keeps_center ? 0 : same;
  }
}

// Lists the next centres and their contexts; by one warp. Returns how many centres.
template <typename Warp, typename Stream>
EMBKIT_HOST_DEVICE int describe_tile(Warp& warp, const TrainTask& task, BlockShared& shared,
                                     Stream& stream, Index begin, int center, Tally& tally) {
  const int lane = warp.lane(), window = task.window;
  stream.fill(warp, center + kTileCenters + window);
  const auto grid = [&](int token) { return (begin + stream.offset(token)) / kRateGrid; };
  const int mine = center + lane;
  const bool is_center = stream.is_center(mine) && grid(mine) == grid(center);
  const uint32_t outside = ~warp.ballot(is_center);
  const int count = outside == 0 ? kTileCenters : lowest_bit(outside);
  const int first = center > window ? center - window : 0;
  const int last =
      center + count + window < stream.size() ? center + count + window : stream.size();
  uint32_t centers_of[kMaxRows / kWarpSize] = {};
  int num_trained = 0;
  for (int i = 0; i < count; ++i) {
    const uint32_t contexts = find_contexts(warp, task, stream, center + i, first, last);
    EMBKIT_UNROLL
    for (int part = 0; part < kMaxRows / kWarpSize; ++part) {
      const int place = first + part * kWarpSize + lane - (center + i - window);
      if (place >= 0 && place <= 2 * window && (contexts >> place & 1) != 0) {
        centers_of[part] |= uint32_t{1} << i;
      }
    }
    if (contexts != 0) ++num_trained;
  }
  tally.centers += static_cast<uint32_t>(num_trained);
  EMBKIT_UNROLL
  for (int part = 0; part < kMaxRows / kWarpSize; ++part) {
    const int row = part * kWarpSize + lane;
    if (row >= last - first) continue;
    shared.words[row] = stream.word(first + row);
    shared.centers_of[row] = centers_of[part];
  }
  if (lane < count) {
    const uint32_t word = stream.word(mine);
    shared.centers[lane] = word;
    shared.center_offsets[lane] = task.offsets != nullptr ? task.offsets[word] : 0;
  }
  const uint32_t measured = warp.ballot(lane < count && is_measured(task, stream.state(mine)));
  if (lane == 0) {
    shared.num_centers = count;
    shared.num_trained = num_trained;
    shared.num_rows = count > 0 ? last - first : 0;
    shared.measured = measured;
    if (count > 0) shared.rate = learning_rate(task, begin + stream.offset(center));
  }
  warp.sync();
  find_centers_in_noise(warp, task, shared, count);
  return count;
}

}  // namespace embkit::cuda
