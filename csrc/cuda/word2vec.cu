#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/block.h"
#include "cuda/check_task.h"
#include "cuda/device_warp.cuh"
#include "cuda/launch.h"
#include "cuda/warp_trainer.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {
namespace {

constexpr int kWarpsPerBlock = 4;
constexpr int kThreads = kWarpsPerBlock * kWarpSize;
constexpr int kLeastWarps = 4;  // of a multiprocessor, with rings in shared memory

// A persistent grid: each warp takes chunks of positions from the queue in task.counters until
// none is left, alone: no barrier of a block. Its ring of context rows lies in shared memory,
// or in its part of task.workspace where that is too small. Rows of both matrices race between
// warps; vector atomics lose no update but fix no order.
template <int kBlocks, bool kIsCbow, bool kIsShared>
__global__ void __launch_bounds__(kThreads, kBlocks == 1 ? 4 : 1)
    train_words_kernel(const __grid_constant__ TrainTask task, int64_t row_floats) {
  extern __shared__ __align__(16) unsigned char shared[];
  const int warp_in_block = static_cast<int>(threadIdx.x) / kWarpSize;
  const int warps_per_block = static_cast<int>(blockDim.x) / kWarpSize;
  const int number = static_cast<int>(blockIdx.x) * warps_per_block + warp_in_block;
  const int num_warps = static_cast<int>(gridDim.x) * warps_per_block;
  auto* const storage = reinterpret_cast<WarpStorage*>(shared) + warp_in_block;
  float* const rows =
      kIsShared ? reinterpret_cast<float*>(shared + sizeof(WarpStorage) * warps_per_block) +
                      row_floats * warp_in_block
                : static_cast<float*>(task.workspace) + row_floats * number;
  DeviceWarp warp;
  WarpTrainer<DeviceWarp, kBlocks, kIsCbow>(warp, task, *storage, rows, num_warps).run();
}

__global__ void mark_sentences_kernel(uint32_t* ids, Index ids_position, Index num_ids,
                                      const uint64_t* sentence_offsets, Index num_offsets) {
  const Index step = Index{gridDim.x} * blockDim.x;
  for (Index i = Index{blockIdx.x} * blockDim.x + threadIdx.x; i < num_offsets; i += step) {
    const Index place = static_cast<Index>(sentence_offsets[i]) - ids_position;
    if (place >= 0 && place < num_ids) atomicOr(ids + place, kSentenceStart);
  }
}

using Kernel = void (*)(const TrainTask, int64_t);

// How a task is launched.
struct Plan {
  Kernel kernel;
  int64_t row_floats;  // of a warp
  int blocks;
  int warps_per_block;
  size_t shared_bytes;
  bool is_shared;
  Status status;
};

template <bool kIsCbow>
Kernel kernel_of(int stride, bool is_shared) {
  if (!is_shared) return train_words_kernel<0, kIsCbow, false>;
  switch ((stride + kBlockFloats - 1) / kBlockFloats) {
    case 1:
      return train_words_kernel<1, kIsCbow, true>;
    case 2:
      return train_words_kernel<2, kIsCbow, true>;
    case 3:
      return train_words_kernel<3, kIsCbow, true>;
    case 4:
      return train_words_kernel<4, kIsCbow, true>;
    default:
      return train_words_kernel<0, kIsCbow, true>;
  }
}

Plan make_plan(const TrainTask& task, bool is_cbow) {
  Plan plan{};
  const DeviceLimits limits = device_limits();
  plan.status = limits.status;
  if (plan.status != cudaSuccess) return plan;
  plan.row_floats = warp_floats(task, is_cbow);
  const size_t row_bytes = static_cast<size_t>(plan.row_floats) * sizeof(float);
  const size_t warp_bytes = sizeof(WarpStorage) + row_bytes;
  const int fitting =
      static_cast<int>(static_cast<size_t>(limits.shared_per_processor) / warp_bytes);
  plan.is_shared = fitting >= kLeastWarps;
  plan.kernel = is_cbow ? kernel_of<true>(task.stride, plan.is_shared)
                        : kernel_of<false>(task.stride, plan.is_shared);
  if (plan.is_shared) plan.status = use_shared_memory(plan.kernel, limits);
  // Shared memory goes to whole blocks: of their sizes, the one with which most warps fit.
  for (int warps = kWarpsPerBlock; warps > 0; warps /= 2) {
    const size_t bytes =
        static_cast<size_t>(warps) * (plan.is_shared ? warp_bytes : sizeof(WarpStorage));
    if (plan.status != cudaSuccess) return plan;
    if (bytes > static_cast<size_t>(limits.shared_per_block)) continue;
    int per_processor = 0;
    plan.status = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_processor, plan.kernel,
                                                                warps * kWarpSize, bytes);
    const int blocks = std::max(per_processor, 1) * limits.processors;
    if (blocks * warps > plan.blocks * plan.warps_per_block) {
      plan.blocks = blocks;
      plan.warps_per_block = warps;
      plan.shared_bytes = bytes;
    }
  }
  const int most = task.max_warps;
  if (most > 0 && most < plan.blocks * plan.warps_per_block) {
    plan.warps_per_block = std::min(plan.warps_per_block, most);
    plan.blocks = most / plan.warps_per_block;
  }
  return plan;
}

size_t workspace_of(const Plan& plan) {
  if (plan.is_shared || plan.status != cudaSuccess) return 0;
  return static_cast<size_t>(plan.row_floats) * sizeof(float) *
         static_cast<size_t>(plan.blocks) * static_cast<size_t>(plan.warps_per_block);
}

Status train(const TrainTask& task, bool is_cbow, Stream stream) {
  check_sizes(task);
  check_method(task, is_cbow);
  if (task.sharing == Sharing::kBlock) return train_blocks(task, stream);
  const Plan plan = make_plan(task, is_cbow);
  if (plan.status != cudaSuccess) return plan.status;
  check_task(task, workspace_of(plan));
  if (task.begin == task.end) return cudaSuccess;
  const Status status = reset_queue(task, stream);
  if (status != cudaSuccess) return status;
  plan.kernel<<<plan.blocks, plan.warps_per_block * kWarpSize, plan.shared_bytes, stream>>>(
      task, plan.row_floats);
  return cudaGetLastError();
}

}  // namespace

Status find_kernels() {
  cudaFuncAttributes found;
  return cudaFuncGetAttributes(&found, mark_sentences_kernel);
}

Status mark_sentences(uint32_t* ids, Index ids_position, Index num_ids,
                      const uint64_t* sentence_offsets, Index num_offsets, Stream stream) {
  if (num_offsets <= 0) return cudaSuccess;
  const Index blocks = std::min<Index>((num_offsets + kThreads - 1) / kThreads, 4096);
  mark_sentences_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(
      ids, ids_position, num_ids, sentence_offsets, num_offsets);
  return cudaGetLastError();
}

size_t workspace_bytes(const TrainTask& task, bool is_cbow) {
  check_sizes(task);
  check_method(task, is_cbow);
  if (task.sharing == Sharing::kBlock) return 0;
  return workspace_of(make_plan(task, is_cbow));
}

Status train_skipgram(const TrainTask& task, Stream stream) {
  return train(task, false, stream);
}
Status train_cbow(const TrainTask& task, Stream stream) { return train(task, true, stream); }

}  // namespace embkit::cuda
