#pragma once

#include <cstdint>

#include "cuda/block_tile.h"
#include "cuda/kept_stream.h"
#include "cuda/targets.h"
#include "cuda/tile.h"
#include "cuda/train_step.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

// Skip-gram whose noise words are shared by all centres of a block of positions: matrix
// products of a few centres' contexts with the centres' rows and the noise rows.
namespace embkit::cuda {

// One block of threads. Block: a Warp, its number, how many there are, and sync() for all.
// A tile is trained from the rows as they are before it, and all of them go back after it:
// noise rows that stayed until the end of the block would all have been pushed away meanwhile,
// by each of the blocks that are trained at a time.
template <typename Block>
class BlockTrainer {
  using Warp = typename Block::Warp;
  using Tile = typename Block::Tile;

 public:
  // rows: BlockShape::floats().
  EMBKIT_HOST_DEVICE BlockTrainer(Block& block, const TrainTask& task, BlockShared& shared,
                                  float* rows, int num_blocks)
      : block_(block),
        warp_(block.warp()),
        task_(task),
        shared_(shared),
        shape_(task),
        inputs_(rows),
        outputs_(inputs_ + int64_t{shape_.rows} * shape_.stride),
        steps_(outputs_ + int64_t{shape_.outputs} * shape_.stride),
        staging_(steps_ + int64_t{shape_.rows} * shape_.step_stride +
                 block.number() * kTileSide * kTileSide),
        num_blocks_(num_blocks) {}

  EMBKIT_HOST_DEVICE void run() {
    const Index size = task_.block_size;
    const Index first = task_.begin / size;
    if (is_first_lane()) shared_.normalizer = read_normalizer(warp_, task_);
    for (;;) {
      if (is_first_lane()) {
        shared_.taken = warp_.take(&task_.counters->next_chunk);
      }
      block_.sync();
      const Index begin = (first + static_cast<Index>(shared_.taken)) * size;
      if (begin >= task_.end) return;
      train_positions(begin);
      if (task_.learn_normalizer && is_first_lane()) {
        shared_.normalizer =
            join_normalizer(warp_, task_, shared_.normalizer, shared_.taken, num_blocks_);
      }
    }
  }

 private:
  EMBKIT_HOST_DEVICE bool is_first_lane() { return block_.number() == 0 && warp_.lane() == 0; }

  EMBKIT_HOST_DEVICE static Float4& at(float* row, int column) {
    return *reinterpret_cast<Float4*>(row + column);
  }

  EMBKIT_HOST_DEVICE void train_positions(Index block_begin) {
    const Index begin = block_begin > task_.begin ? block_begin : task_.begin;
    const Index block_end = block_begin + task_.block_size;
    const Index end = block_end < task_.end ? block_end : task_.end;
    if (block_.number() == 0) find_noise(warp_, task_, shared_, block_begin);
    block_.sync();
    KeptStream<Warp, 128> stream(task_, shared_.kept);
    int center = block_.number() == 0 ? stream.start(warp_, begin, end) : 0;
    for (;;) {
      if (block_.number() == 0) {
        center += describe_tile(warp_, task_, shared_, stream, begin, center, tally_);
      }
      block_.sync();
      if (shared_.num_centers == 0) break;
      train_tile();
    }
    report(end - begin);
  }

  // Calls body(row, column) for four floats of each of `count` rows in turn, beyond the stride
  // too: every warp has rows of its own.
  template <typename Body>
  EMBKIT_HOST_DEVICE void for_rows(int count, const Body& body) {
    for (int row = block_.number(); row < count; row += block_.num_warps()) {
      for (int column = 4 * warp_.lane(); column < shape_.columns; column += kBlockFloats) {
        body(row, column);
      }
    }
  }

  EMBKIT_HOST_DEVICE Float4 load(const float* matrix, uint32_t word, int column) {
    if (column >= task_.stride) return {0, 0, 0, 0};
    return warp_.load(matrix + int64_t{word} * task_.stride + column);
  }

  // The rows of some words of a matrix, or of its first `count`; zeros for the others.
  EMBKIT_HOST_DEVICE void load_rows(float* to, int rows, const float* matrix,
                                    const uint32_t* words, int count) {
    for_rows(rows, [&](int row, int column) {
      at(to + int64_t{row} * shape_.stride, column) =
          row < count ? load(matrix, words[row], column) : Float4{0, 0, 0, 0};
    });
  }

  EMBKIT_HOST_DEVICE void train_tile() {
    load_rows(inputs_, shape_.rows, task_.input, shared_.words, shared_.num_rows);
    load_rows(outputs_, kNoise, task_.output, shared_.centers, shared_.num_centers);
    load_rows(outputs_ + int64_t{kNoise} * shape_.stride, shape_.outputs - kNoise, task_.output,
              shared_.noise, shared_.num_noise);
    block_.sync();
    find_logits();
    block_.sync();
    find_steps();
    block_.sync();
    if (task_.learn_normalizer && is_first_lane()) learn_normalizer();
    update_inputs();
    update_outputs();
    block_.sync();
  }

  // Calls body(row, column) for each 16 x 16 tile of a matrix.
  template <typename Body>
  EMBKIT_HOST_DEVICE void for_tiles(int rows, int columns, const Body& body) {
    const int across = columns / kTileSide;
    const int count = rows / kTileSide * across;
    for (int i = block_.number(); i < count; i += block_.num_warps()) {
      body(i / across * kTileSide, i % across * kTileSide);
    }
  }

  EMBKIT_HOST_DEVICE void find_logits() {
    for_tiles(shape_.rows, shape_.outputs, [&](int row, int output) {
      Tile tile(warp_.lane());
      tile.clear();
      tile.template multiply<false, true>(inputs_ + int64_t{row} * shape_.stride, shape_.stride,
                                          outputs_ + int64_t{output} * shape_.stride,
                                          shape_.stride, shape_.columns);
      tile.store(steps_ + int64_t{row} * shape_.step_stride + output, shape_.step_stride);
    });
  }

  // Logits become steps. A row meets its centres' rows once each, and a noise row once for each
  // of its centres that is another word.
  EMBKIT_HOST_DEVICE void find_steps() {
    const auto normalizer = static_cast<float>(shared_.normalizer);
    float gain = 0;
    for (int row = block_.number(); row < shape_.rows; row += block_.num_warps()) {
      const uint32_t centers = row < shared_.num_rows ? shared_.centers_of[row] : 0;
      tally_.pairs += static_cast<uint32_t>(count_bits(centers));
      tally_.measured_pairs += static_cast<uint32_t>(count_bits(centers & shared_.measured));
      for (int output = warp_.lane(); output < shape_.outputs; output += kWarpSize) {
        float& value = steps_[int64_t{row} * shape_.step_stride + output];
        value = output < kNoise ? center_step(centers, output, value - normalizer)
                                : noise_step(centers, output - kNoise, value - normalizer);
        gain += value;
      }
    }
    if (!task_.learn_normalizer) return;
    gain = sum_lanes(warp_, gain);
    if (warp_.lane() == 0) shared_.normalizer_gains[block_.number()] = gain;
  }

  // The centres of a tile meet the same log Z: it becomes the mean of what each makes of it.
  EMBKIT_HOST_DEVICE void learn_normalizer() {
    double sum = 0;
    for (int i = 0; i < block_.num_warps(); ++i) sum += double{shared_.normalizer_gains[i]};
    if (shared_.num_trained > 0) shared_.normalizer -= sum / shared_.num_trained;
  }

  EMBKIT_HOST_DEVICE float center_step(uint32_t centers, int center, float logit) {
    if ((centers >> center & 1) == 0) return 0;
    logit -= shared_.center_offsets[center];
    if ((shared_.measured >> center & 1) != 0) tally_.loss += softplus(-logit);
    return shared_.rate * (1 - sigmoid(logit));
  }

  EMBKIT_HOST_DEVICE float noise_step(uint32_t centers, int noise, float logit) {
    if (noise >= shared_.num_noise) return 0;
    const uint32_t others = centers & ~shared_.is_center[noise];
    if (others == 0) return 0;
    logit -= shared_.noise_offsets[noise];
    const float weight = shared_.weights[noise];
    const auto measured = static_cast<float>(count_bits(others & shared_.measured));
    if (measured > 0) tally_.loss += weight * measured * softplus(logit);
    return -shared_.rate * weight * static_cast<float>(count_bits(others)) * sigmoid(logit);
  }

  // Adds a tile to rows of the model, of which `count` are left.
  EMBKIT_HOST_DEVICE void add_tile(const Tile& tile, float* matrix, const uint32_t* words,
                                   int count, int column) {
    tile.store(staging_, kTileSide);
    warp_.sync();
    for (int i = warp_.lane(); i < kTileSide * kTileSide / 4; i += kWarpSize) {
      const int row = i / 4, mine = column + i % 4 * 4;
      if (row >= count || mine >= task_.stride) continue;
      warp_.add(matrix + int64_t{words[row]} * task_.stride + mine, at(staging_, 4 * i),
                task_.updates);
    }
    warp_.sync();
  }

  EMBKIT_HOST_DEVICE void update_inputs() {
    for_tiles(shape_.rows, shape_.columns, [&](int row, int column) {
      if (row >= shared_.num_rows) return;
      Tile tile(warp_.lane());
      tile.clear();
      tile.template multiply<false, false>(steps_ + int64_t{row} * shape_.step_stride,
                                           shape_.step_stride, outputs_ + column, shape_.stride,
                                           shape_.outputs);
      add_tile(tile, task_.input, shared_.words + row, shared_.num_rows - row, column);
    });
  }

  EMBKIT_HOST_DEVICE void update_outputs() {
    for_tiles(shape_.outputs, shape_.columns, [&](int output, int column) {
      const bool is_noise = output >= kNoise;
      const int first = is_noise ? output - kNoise : output;
      const int count = (is_noise ? shared_.num_noise : shared_.num_centers) - first;
      if (count <= 0) return;
      Tile tile(warp_.lane());
      tile.clear();
      tile.template multiply<true, false>(steps_ + output, shape_.step_stride, inputs_ + column,
                                          shape_.stride, shape_.rows);
      const uint32_t* const words = is_noise ? shared_.noise : shared_.centers;
      add_tile(tile, task_.output, words + first, count, column);
    });
  }

  // Counts what this warp has seen since the last time; the first one counts for all.
  EMBKIT_HOST_DEVICE void report(Index tokens) {
    const float loss = sum_lanes(warp_, tally_.loss);
    if (warp_.lane() == 0) {
      Counters& counters = *task_.counters;
      warp_.count(&counters.loss, double{loss});
      warp_.count(&counters.measured_pairs, tally_.measured_pairs);
      warp_.count(&counters.pairs, tally_.pairs);
      warp_.count(&counters.centers, tally_.centers);
      if (block_.number() == 0) warp_.count(&counters.tokens, static_cast<uint64_t>(tokens));
    }
    tally_ = {};
  }

  Block& block_;
  Warp& warp_;
  const TrainTask& task_;
  BlockShared& shared_;
  BlockShape shape_;
  float* inputs_;
  float* outputs_;
  float* steps_;
  float* staging_;
  int num_blocks_;
  Tally tally_;
};

}  // namespace embkit::cuda
