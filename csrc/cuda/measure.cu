#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/check_task.h"
#include "cuda/device_warp.cuh"
#include "cuda/launch.h"
#include "cuda/measure.h"
#include "cuda/row_traffic.h"

namespace embkit::cuda {
namespace {

constexpr int kWarpsPerBlock = 4;
constexpr int kThreads = kWarpsPerBlock * kWarpSize;
constexpr int kFewest = 4;  // blocks of a multiprocessor: about as many warps as training has
constexpr int kMost = 16;   // more than these no device holds

struct Lists {
  float* matrix;
  float* sums;  // a row for each warp
  uint32_t* rows;
  Index count;
  int stride;
};

__device__ Index warp_number() {
  return (Index{blockIdx.x} * blockDim.x + threadIdx.x) / kWarpSize;
}
__device__ Index num_warps() { return Index{gridDim.x} * blockDim.x / kWarpSize; }

// A warp for every num_warps-th row of the list; only reads, but for its own sums.
__global__ void __launch_bounds__(kThreads, 1) gather_rows_kernel(Lists lists) {
  DeviceWarp warp;
  gather_rows(warp, lists.matrix, lists.stride, lists.rows, lists.count, warp_number(),
              num_warps(), lists.sums + warp_number() * lists.stride);
}

// The same with atomics: rows race, and lose nothing.
__global__ void __launch_bounds__(kThreads, 1) scatter_rows_kernel(Lists lists) {
  DeviceWarp warp;
  scatter_rows(warp, lists.matrix, lists.stride, lists.rows, lists.count, warp_number(),
               num_warps(), 1.0f);
}

// Holds the memory and events of a measurement; what fails first stays in status().
class Measurement {
 public:
  ~Measurement() {
    for (void* memory : {static_cast<void*>(lists.matrix), static_cast<void*>(lists.sums),
                         static_cast<void*>(lists.rows)}) {
      cudaFree(memory);
    }
    for (cudaEvent_t event : {begin_, end_}) {
      if (event != nullptr) cudaEventDestroy(event);
    }
  }

  void note(cudaError_t error) {
    if (status_ == cudaSuccess) status_ = error;
  }
  cudaError_t status() const { return status_; }

  template <typename Value>
  void allocate(Value** memory, Index count) {
    const auto bytes = static_cast<size_t>(count) * sizeof(Value);
    if (status_ == cudaSuccess) note(cudaMalloc(reinterpret_cast<void**>(memory), bytes));
    if (status_ == cudaSuccess) note(cudaMemset(*memory, 0, bytes));
  }
  void create_events() {
    if (status_ == cudaSuccess) note(cudaEventCreate(&begin_));
    if (status_ == cudaSuccess) note(cudaEventCreate(&end_));
  }

  // The bytes of all listed rows over the shortest time of a launch, with few blocks or many.
  double best(void (*kernel)(Lists), int processors, int repeats) {
    double most = 0;
    for (int each = kFewest; each <= kMost; each *= 2) {
      most = std::max(most, rate(kernel, processors * each, repeats));
    }
    return most;
  }

  Lists lists{};

 private:
  double rate(void (*kernel)(Lists), int blocks, int repeats) {
    float shortest = 0;
    for (int run = 0; run <= repeats && status_ == cudaSuccess; ++run) {
      note(cudaEventRecord(begin_));
      kernel<<<blocks, kThreads>>>(lists);
      note(cudaGetLastError());
      note(cudaEventRecord(end_));
      note(cudaEventSynchronize(end_));
      float milliseconds = 0;
      if (status_ == cudaSuccess) {
        note(cudaEventElapsedTime(&milliseconds, begin_, end_));
      }
      if (run == 1 || (run > 1 && milliseconds < shortest)) shortest = milliseconds;
    }
    const double bytes = static_cast<double>(lists.count) * lists.stride * sizeof(float);
    return shortest > 0 ? bytes / (shortest * 1e-3) : 0;
  }

  cudaError_t status_ = cudaSuccess;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace

RowRates measure_rows(Index num_words, int stride, const uint32_t* rows, Index count,
                      int repeats) {
  check_range("num_words", num_words, 1, kSentenceStart - 1);
  check_range("stride", stride, 1, kMaxDim);
  check_range("repeats", repeats, 1, 1000);
  if (stride % kRowAlignment != 0) {
    throw std::invalid_argument("stride must be a multiple of 8, got " +
                                std::to_string(stride));
  }
  if (count < 1 || *std::max_element(rows, rows + count) >= num_words) {
    throw std::invalid_argument("rows must be some below num_words");
  }
  const DeviceLimits limits = device_limits();
  if (limits.status != cudaSuccess) return {0, 0, limits.status};
  const Index most_warps = Index{limits.processors} * kMost * kWarpsPerBlock;
  Measurement measurement;
  Lists& lists = measurement.lists;
  lists.count = count;
  lists.stride = stride;
  measurement.allocate(&lists.matrix, num_words * stride);
  measurement.allocate(&lists.sums, most_warps * stride);
  measurement.allocate(&lists.rows, count);
  if (measurement.status() == cudaSuccess) {
    measurement.note(cudaMemcpy(lists.rows, rows, static_cast<size_t>(count) * sizeof *rows,
                                cudaMemcpyHostToDevice));
  }
  measurement.create_events();
  const double gathered = measurement.best(gather_rows_kernel, limits.processors, repeats);
  const double scattered = measurement.best(scatter_rows_kernel, limits.processors, repeats);
  return {gathered, scattered, measurement.status()};
}

}  // namespace embkit::cuda
