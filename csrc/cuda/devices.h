#pragma once

#include <vector>

#include "cuda/runtime.h"

namespace embkit::cuda {

struct Versions {
  int driver;   // the newest CUDA that it serves, 1000 x major + 10 x minor; 0 without a driver
  int runtime;  // that this was built with
};

Versions versions();

// Every device there is, by number. Throws CudaError that says why where none can be used: no
// driver, one too old, no device.
std::vector<DeviceProperties> devices();

// Makes a device the one that this thread works on. Throws CudaError as devices() does, and
// where there is none of this number, or none of this build's kernels runs on it.
DeviceProperties use_device(int number);

}  // namespace embkit::cuda
