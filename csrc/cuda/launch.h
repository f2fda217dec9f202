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

// Lets blocks of a kernel that has no other shared memory take all that a device has to give,
// and the device give it: the first level's cache gets the rest.
template <typename Kernel>
Status use_shared_memory(Kernel kernel, const DeviceLimits& limits) {
  const Status status = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, limits.shared_per_block);
  if (status != cudaSuccess) return status;
  return cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                              cudaSharedmemCarveoutMaxShared);
}

inline Status reset_queue(const TrainTask& task, Stream stream) {
  return cudaMemsetAsync(&task.counters->next_chunk, 0, sizeof task.counters->next_chunk,
                         stream);
}

}  // namespace embkit::cuda
