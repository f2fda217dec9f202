#pragma once

#include <cstddef>
#include <utility>

#include "cuda/check.h"
#include "cuda/runtime.h"

namespace embkit::cuda {

// Memory of the device. Owns it; a move leaves the source empty. Throws CudaError, with status
// kOutOfMemory where there is none left.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(size_t bytes) {
    if (bytes > 0) check(runtime().allocate(&address_, bytes), "allocate memory on the device");
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(address_, other.address_);
    return *this;
  }
  ~DeviceBuffer() {  // after a sticky error the driver frees all at the process's end
    if (address_ != nullptr) runtime().release(address_);
  }

  template <typename T>
  T* as() const {
    return static_cast<T*>(address_);
  }

 private:
  void* address_ = nullptr;
};

// A queue of work of the device. Owns it.
class OwnedStream {
 public:
  OwnedStream() { check(runtime().create_stream(&stream_), "create a stream"); }
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;
  ~OwnedStream() { runtime().destroy_stream(stream_); }

  void wait(const char* tried) const { check(runtime().wait(stream_), tried); }
  operator Stream() const { return stream_; }

 private:
  Stream stream_ = nullptr;
};

}  // namespace embkit::cuda
