#include <cuda_runtime.h>

#include <cub/device/device_radix_sort.cuh>

#include "cuda/batch_layout.h"
#include "cuda/device_warp.cuh"
#include "cuda/word2vec.h"

namespace embkit::cuda {
namespace {

constexpr int kWarpsPerBlock = 4;
constexpr int kThreads = kWarpsPerBlock * kWarpSize;

__device__ int64_t warp_number() {
  return (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / kWarpSize;
}

unsigned blocks_for(int64_t warps) {
  return static_cast<unsigned>((warps + kWarpsPerBlock - 1) / kWarpsPerBlock);
}

// One warp for each position of the batch. Writes its own part of the workspace, only reads the
// model: nothing races.
template <bool kIsCbow>
__global__ void __launch_bounds__(kThreads, 1)
    find_gains_kernel(const __grid_constant__ TrainTask task, const BatchStorage batch,
                      Index begin, Index end) {
  __shared__ BatchStepStorage storage[kWarpsPerBlock];
  const Index place = warp_number();
  if (begin + place >= end) return;  // the whole warp
  DeviceWarp warp;
  BatchStep<DeviceWarp, kIsCbow>(warp, task, storage[threadIdx.x / kWarpSize], batch, place)
      .run(begin + place);
}

__global__ void number_entries_kernel(uint32_t* entries, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) entries[i] = static_cast<uint32_t>(i);
}

// One warp for each gain in the order of rows; the one that has a row's first gain owns the
// row.
__global__ void __launch_bounds__(kThreads, 1)
    apply_gains_kernel(const __grid_constant__ TrainTask task, const float* gains,
                       const uint32_t* sorted_keys, const uint32_t* sorted_entries,
                       int64_t count) {
  if (warp_number() >= count) return;
  DeviceWarp warp;
  apply_gains(warp, task, gains, sorted_keys, sorted_entries, count, warp_number());
}

__global__ void add_counters_kernel(const __grid_constant__ TrainTask task,
                                    const Counters* counters, Index size) {
  DeviceWarp warp;
  add_counters(warp, task, counters, size);
}

Status sort(const BatchLayout& layout, int64_t count, size_t* sorting_bytes, Stream stream) {
  return cub::DeviceRadixSort::SortPairs(
      layout.sorting, *sorting_bytes, layout.batch.keys, layout.sorted_keys, layout.entries,
      layout.sorted_entries, static_cast<int>(count), 0, 32, stream);
}

// What the sort of a batch needs.
Status sorting_bytes(const TrainTask& task, bool is_cbow, Index batch_tokens, size_t* bytes) {
  TrainTask empty = task;
  empty.workspace = nullptr;
  const BatchLayout layout(empty, is_cbow, batch_tokens, 0);
  *bytes = 0;
  return sort(layout, layout.count, bytes, nullptr);
}

Status train_batch(const TrainTask& task, bool is_cbow, const BatchLayout& layout,
                   size_t sorting_bytes, Index begin, Index end, Stream stream) {
  const int64_t count = (end - begin) * layout.batch.num_gains;
  const auto find = is_cbow ? find_gains_kernel<true> : find_gains_kernel<false>;
  find<<<blocks_for(end - begin), kThreads, 0, stream>>>(task, layout.batch, begin, end);
  if (const Status status = sort(layout, count, &sorting_bytes, stream)) return status;
  apply_gains_kernel<<<blocks_for(count), kThreads, 0, stream>>>(
      task, layout.batch.gains, layout.sorted_keys, layout.sorted_entries, count);
  add_counters_kernel<<<1, kWarpSize, 0, stream>>>(task, layout.batch.counters, end - begin);
  return cudaGetLastError();
}

}  // namespace

size_t deterministic_workspace_bytes(const TrainTask& task, bool is_cbow, Index batch_tokens) {
  check_batch(task, batch_tokens);
  size_t sorting = 0;
  if (sorting_bytes(task, is_cbow, batch_tokens, &sorting) != cudaSuccess) return 0;
  TrainTask empty = task;
  empty.workspace = nullptr;
  return BatchLayout(empty, is_cbow, batch_tokens, sorting).bytes;
}

Status train_deterministic(const TrainTask& task, bool is_cbow, Index batch_tokens,
                           Stream stream) {
  check_batch(task, batch_tokens);
  size_t sorting = 0;
  Status status = sorting_bytes(task, is_cbow, batch_tokens, &sorting);
  if (status != cudaSuccess) return status;
  const BatchLayout layout(task, is_cbow, batch_tokens, sorting);
  check_task(task, layout.bytes);
  if (task.begin == task.end) return cudaSuccess;
  number_entries_kernel<<<static_cast<unsigned>((layout.count + kThreads - 1) / kThreads),
                          kThreads, 0, stream>>>(layout.entries, layout.count);
  status = cudaGetLastError();
  for_batches(task, batch_tokens, [&](Index begin, Index end) {
    if (status == cudaSuccess) {
      status = train_batch(task, is_cbow, layout, sorting, begin, end, stream);
    }
    return status == cudaSuccess;
  });
  return status;
}

}  // namespace embkit::cuda
