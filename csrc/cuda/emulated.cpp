// The functions of word2vec.h on the host, for tests: one emulated warp at a time, in order.
// Pointers to device memory are plain pointers here, and streams are not looked at.

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "cuda/batch_layout.h"
#include "cuda/block_trainer.h"
#include "cuda/check_task.h"
#include "cuda/emulated_warp.h"
#include "cuda/warp_trainer.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {
namespace {

template <int kBlocks, bool kIsCbow>
void run_warp(const TrainTask& task) {
  LaneScheduler lanes;
  WarpStorage storage;
  std::memset(&storage, 0xff,
              sizeof storage);  // so that what is read before it is written shows
  const int num_warps = task.max_warps > 0 ? task.max_warps : 1;
  lanes.run([&](int lane) {
    EmulatedWarp warp(lanes, lane);
    WarpTrainer<EmulatedWarp, kBlocks, kIsCbow>(warp, task, storage,
                                                static_cast<float*>(task.workspace), num_warps)
        .run();
  });
}

// A block of one warp.
class EmulatedBlock {
 public:
  using Warp = EmulatedWarp;
  using Tile = PlainTile;

  explicit EmulatedBlock(EmulatedWarp& warp) : warp_(warp) {}
  EmulatedWarp& warp() { return warp_; }
  int number() const { return 0; }
  int num_warps() const { return 1; }
  void sync() { warp_.sync(); }

 private:
  EmulatedWarp& warp_;
};

void run_block(const TrainTask& task) {
  LaneScheduler lanes;
  BlockShared shared;
  std::memset(&shared, 0xff, sizeof shared);
  auto* const workspace = static_cast<float*>(task.workspace);
  lanes.run([&](int lane) {
    EmulatedWarp warp(lanes, lane);
    EmulatedBlock block(warp);
    BlockTrainer<EmulatedBlock> trainer(block, task, shared, workspace,
                                        std::max(task.max_warps / kTileCenters, 1));
    trainer.run();
  });
}

template <bool kIsCbow>
Status train(const TrainTask& task) {
  check_method(task, kIsCbow);
  check_task(task, workspace_bytes(task, kIsCbow));
  task.counters->next_chunk = 0;
  if (task.begin == task.end) return 0;
  if (task.sharing == Sharing::kBlock) {
    run_block(task);
    return 0;
  }
  switch ((task.stride + kBlockFloats - 1) / kBlockFloats) {
    case 1:
      run_warp<1, kIsCbow>(task);
      break;
    case 2:
      run_warp<2, kIsCbow>(task);
      break;
    case 3:
      run_warp<3, kIsCbow>(task);
      break;
    case 4:
      run_warp<4, kIsCbow>(task);
      break;
    default:
      run_warp<0, kIsCbow>(task);
  }
  return 0;
}

template <typename Body>
void run_lanes(const Body& body) {
  LaneScheduler lanes;
  lanes.run([&](int lane) {
    EmulatedWarp warp(lanes, lane);
    body(warp);
  });
}

// The kernels of deterministic.cu in their order, warp after warp.
template <bool kIsCbow>
void train_batch(const TrainTask& task, const BatchLayout& layout, Index begin, Index end) {
  BatchStepStorage storage;
  for (Index place = 0; begin + place < end; ++place) {
    std::memset(&storage, 0xff, sizeof storage);
    run_lanes([&](EmulatedWarp& warp) {
      BatchStep<EmulatedWarp, kIsCbow>(warp, task, storage, layout.batch, place)
          .run(begin + place);
    });
  }
  const int64_t count = (end - begin) * layout.batch.num_gains;
  std::vector<uint32_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0u);
  const uint32_t* const keys = layout.batch.keys;
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
  for (size_t i = 0; i < order.size(); ++i) {
    layout.sorted_entries[i] = order[i];
    layout.sorted_keys[i] = keys[order[i]];
  }
  for (int64_t i = 0; i < count; ++i) {
    if (layout.sorted_keys[i] == kNoRow) break;
    run_lanes([&](EmulatedWarp& warp) {
      apply_gains(warp, task, layout.batch.gains, layout.sorted_keys, layout.sorted_entries,
                  count, i);
    });
  }
  run_lanes([&](EmulatedWarp& warp) {
    add_counters(warp, task, layout.batch.counters, end - begin);
  });
}

}  // namespace

Status find_kernels() { return 0; }

Status mark_sentences(uint32_t* ids, Index ids_position, Index num_ids,
                      const uint64_t* sentence_offsets, Index num_offsets, Stream) {
  for (Index i = 0; i < num_offsets; ++i) {
    const Index place = static_cast<Index>(sentence_offsets[i]) - ids_position;
    if (place >= 0 && place < num_ids) ids[place] |= kSentenceStart;
  }
  return 0;
}

size_t workspace_bytes(const TrainTask& task, bool is_cbow) {
  check_sizes(task);
  int64_t floats = warp_floats(task, is_cbow);
  if (task.sharing == Sharing::kBlock) {
    floats = BlockShape(task).floats(1);
  }
  return static_cast<size_t>(floats) * sizeof(float);
}

Status train_skipgram(const TrainTask& task, Stream) { return train<false>(task); }
Status train_cbow(const TrainTask& task, Stream) { return train<true>(task); }

size_t deterministic_workspace_bytes(const TrainTask& task, bool is_cbow, Index batch_tokens) {
  check_batch(task, batch_tokens);
  TrainTask empty = task;
  empty.workspace = nullptr;
  return BatchLayout(empty, is_cbow, batch_tokens, 0).bytes;
}

Status train_deterministic(const TrainTask& task, bool is_cbow, Index batch_tokens, Stream) {
  check_batch(task, batch_tokens);
  const BatchLayout layout(task, is_cbow, batch_tokens, 0);
  check_task(task, layout.bytes);
  for_batches(task, batch_tokens, [&](Index begin, Index end) {
    is_cbow ? train_batch<true>(task, layout, begin, end)
            : train_batch<false>(task, layout, begin, end);
    return true;
  });
  return 0;
}

}  // namespace embkit::cuda
