#pragma once

#include <stdexcept>
#include <string>

#include "cuda/runtime.h"

namespace embkit::cuda {

// A call that CUDA refused. Becomes embkit.errors.CudaError in Python.
struct CudaError : std::runtime_error {
  CudaError(const std::string& message, Status status_)
      : std::runtime_error(message), status(status_) {}
  Status status;
};

// Whether the process can do nothing more on a device after this status, not even copy a
// result back: an illegal access, a failed assertion, hardware (its memory and links too), a
// launch that timed out, a context that is gone.
constexpr bool is_sticky(Status status) {
  return status == 214 || status == 220 || status == 226 || status == 700 || status == 702 ||
         status == 709 || status == 710 || (status >= 714 && status <= 721) || status == 999;
}

// Throws CudaError, naming what was tried, unless the status is a success.
inline void check(Status status, const char* tried) {
  if (status == kSuccess) return;
  runtime().last_error();  // so that the next call starts clean, where it can
  throw CudaError(std::string("CUDA could not ") + tried + ": " + runtime().describe(status) +
                      " (error " + std::to_string(status) + ")",
                  status);
}

}  // namespace embkit::cuda
