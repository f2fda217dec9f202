#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "core/errors.h"

namespace embkit {

// count * bytes_each <= available, in 128 bits: the size law, asked before anything that a
// file's numbers call for is allocated. `bytes_each` is what one such thing takes in the file.
inline bool fits(uint64_t count, uint64_t bytes_each, uint64_t available) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<Wide>(count) * bytes_each <= available;
}

// The memory that reading one file may take, derived tables included. One thread at a time.
class ByteBudget {
 public:
  explicit ByteBudget(uint64_t bytes) : left_(bytes), allowed_(bytes) {}

  // Throws ResourceError, naming `what`, where count * bytes_each is more than is left.
  void charge(const char* what, uint64_t count, uint64_t bytes_each) {
    if (!fits(count, bytes_each, left_)) {
      throw ResourceError(std::string(what) + " of the file would take more than the " +
                          std::to_string(allowed_ >> 20) + " MiB of memory that are allowed");
    }
    left_ -= count * bytes_each;
  }

 private:
  uint64_t left_;
  uint64_t allowed_;
};

// Floats that grow only as data arrives, charged to a budget; new ones are not initialised.
class GrowingFloats {
 public:
  explicit GrowingFloats(ByteBudget& budget) : budget_(budget) {}
  GrowingFloats(GrowingFloats&& other) noexcept
      : budget_(other.budget_),
        data_(std::exchange(other.data_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  ~GrowingFloats() { std::free(data_); }

  float* data() { return data_; }
  uint64_t size() const { return size_; }
  uint64_t capacity() const { return capacity_; }

  // Allocates for `count` floats at once: for a size that the file's length vouches for.
  void reserve(uint64_t count) {
    if (count <= capacity_) return;
    budget_.charge("the vectors", count - capacity_, sizeof(float));
    reallocate(count);
    capacity_ = count;
  }

  void resize(uint64_t count) {
    if (count > capacity_) reserve(std::max(count, capacity_ + capacity_ / 2));
    size_ = count;
  }

  // Gives the floats up, fitted to their size; the taker calls std::free.
  float* release() {
    if (size_ < capacity_) reallocate(size_);
    capacity_ = 0;
    size_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  void reallocate(uint64_t count) {
    if (count > std::numeric_limits<size_t>::max() / sizeof(float)) throw std::bad_alloc();
    const size_t bytes = std::max<size_t>(static_cast<size_t>(count) * sizeof(float), 1);
    void* moved = std::realloc(data_, bytes);
    if (moved == nullptr) throw std::bad_alloc();
    data_ = static_cast<float*>(moved);
    ask_for_huge_pages(bytes);
  }

  // A matrix is written once from end to end: small pages would cost more than the writing.
  void ask_for_huge_pages([[maybe_unused]] size_t bytes) {
#if defined(__linux__)
    constexpr size_t kWorthIt = size_t{4} << 20;
    if (bytes < kWorthIt) return;
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));  // up to 64 KiB on ARM
    const size_t skipped = page - reinterpret_cast<uintptr_t>(data_) % page;
    (void)madvise(reinterpret_cast<char*>(data_) + skipped, bytes - page, MADV_HUGEPAGE);
#endif
  }

  ByteBudget& budget_;
  float* data_ = nullptr;
  uint64_t capacity_ = 0;
  uint64_t size_ = 0;
};

}  // namespace embkit
