#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>

#include "cuda/runtime.h"

namespace embkit::cuda {
namespace {

Status device_properties(DeviceProperties* out, int device) {
  cudaDeviceProp found;
  const cudaError_t status = cudaGetDeviceProperties(&found, device);
  if (status != cudaSuccess) return status;
  static_assert(sizeof(found.name) == sizeof(out->name));
  std::memcpy(out->name, found.name, sizeof(out->name));
  out->major = found.major;
  out->minor = found.minor;
  out->multiprocessors = found.multiProcessorCount;
  out->memory_bytes = found.totalGlobalMem;
  out->cache_bytes = static_cast<size_t>(std::max(found.l2CacheSize, 0));
  out->shared_bytes_per_block = found.sharedMemPerBlockOptin;
  return cudaSuccess;
}

Status copy(void* to, const void* from, size_t bytes, CopyKind kind, Stream stream) {
  return cudaMemcpyAsync(to, from, bytes, static_cast<cudaMemcpyKind>(kind), stream);
}

Status copy_rows(void* to, size_t to_stride, const void* from, size_t from_stride,
                 size_t row_bytes, size_t num_rows, CopyKind kind, Stream stream) {
  return cudaMemcpy2DAsync(to, to_stride, from, from_stride, row_bytes, num_rows,
                           static_cast<cudaMemcpyKind>(kind), stream);
}

Status train(const TrainTask& task, bool is_cbow, Stream stream) {
  return is_cbow ? train_cbow(task, stream) : train_skipgram(task, stream);
}

// Blocks of one stream do not wait for those of another, nor for the default stream.
Status create_stream(Stream* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking);
}

const char* describe(Status status) {
  return cudaGetErrorString(static_cast<cudaError_t>(status));
}

// The runtime's own functions return a cudaError_t: same representation, another type.
constexpr Runtime kRuntime = {
    [](int* version) -> Status { return cudaDriverGetVersion(version); },
    [](int* version) -> Status { return cudaRuntimeGetVersion(version); },
    [](int* count) -> Status { return cudaGetDeviceCount(count); },
    [](int device) -> Status { return cudaSetDevice(device); },
    &device_properties,
    [](size_t* free_bytes, size_t* total_bytes) -> Status {
      return cudaMemGetInfo(free_bytes, total_bytes);
    },
    [](void** address, size_t bytes) -> Status { return cudaMalloc(address, bytes); },
    [](void* address) -> Status { return cudaFree(address); },
    &copy,
    &copy_rows,
    [](void* address, size_t bytes, Stream stream) -> Status {
      return cudaMemsetAsync(address, 0, bytes, stream);
    },
    &create_stream,
    [](Stream stream) -> Status { return cudaStreamSynchronize(stream); },
    [](Stream stream) -> Status { return cudaStreamDestroy(stream); },
    []() -> Status { return cudaGetLastError(); },
    &describe,
    &find_kernels,
    &mark_sentences,
    &workspace_bytes,
    &train,
    &deterministic_workspace_bytes,
    &train_deterministic,
    &measure_rows,
};

}  // namespace

const Runtime& runtime() { return kRuntime; }

}  // namespace embkit::cuda
