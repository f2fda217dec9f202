#pragma once

#include <cuda_runtime_api.h>

#include "cuda/word2vec.h"

// What launchers of persistent kernels share.
namespace embkit::cuda {

struct DeviceLimits {
  int processors;
  int shared_per_block;
  int shared_per_processor;
  Status status;
};

// Of the current device.
inline DeviceLimits device_limits() {
  DeviceLimits limits{};
  int device = 0;
  limits.status = cudaGetDevice(&device);
  const struct {
    int* value;
    cudaDeviceAttr attribute;
  } wanted[] = {
      {&limits.processors, cudaDevAttrMultiProcessorCount},
      {&limits.shared_per_block, cudaDevAttrMaxSharedMemoryPerBlockOptin},
      {&limits.shared_per_processor, cudaDevAttrMaxSharedMemoryPerMultiprocessor},
  };
  for (const auto& entry : wanted) {
    if (limits.status != cudaSuccess) return limits;
    limits.status = cudaDeviceGetAttribute(entry.value, entry.attribute, device);
  }
  return limits;
}

inline Status reset_queue(const TrainTask& task, Stream stream) {
  return cudaMemsetAsync(&task.counters->next_chunk, 0, sizeof task.counters->next_chunk,
                         stream);
}

}  // namespace embkit::cuda
