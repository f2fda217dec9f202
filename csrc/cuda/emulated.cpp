// The functions of word2vec.h on the host, for tests: one emulated warp at a time, in order.
// Pointers to device memory are plain pointers here, and streams are not looked at.

#include <cstring>

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

template <bool kIsCbow>
Status train(const TrainTask& task) {
  check_task(task, workspace_bytes(task, kIsCbow));
  task.counters->next_chunk = 0;
  if (task.begin == task.end) return 0;
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

}  // namespace

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
  return static_cast<size_t>(warp_rows<EmulatedWarp, 0>(task, is_cbow)) * sizeof(float);
}

Status train_skipgram(const TrainTask& task, Stream) { return train<false>(task); }
Status train_cbow(const TrainTask& task, Stream) { return train<true>(task); }

}  // namespace embkit::cuda
