#include "core/matrix.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace embkit {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

PaddedMatrix::PaddedMatrix(Index num_rows, Index dim)
    : num_rows_(num_rows), dim_(dim), stride_((dim + kLine - 1) / kLine * kLine) {
  const auto limit = std::numeric_limits<Index>::max() / static_cast<Index>(2 * sizeof(float));
  if (num_rows < 0 || dim < 1 || dim > limit - kLine || num_rows > limit / stride_) {
    throw std::bad_alloc();
  }
  const size_t bytes = static_cast<size_t>(num_rows_ * stride_) * sizeof(float);
  page_bytes_ = round_up(bytes, kHugePage) + kHugePage;  // room to start on a huge page
  pages_ =
      mmap(nullptr, page_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages_ == MAP_FAILED) throw std::bad_alloc();
  data_ = reinterpret_cast<float*>(round_up(reinterpret_cast<uintptr_t>(pages_), kHugePage));
#if defined(MADV_HUGEPAGE)
  // Wishes: failure costs speed and memory only. The last one would be filled in small part:
  // with many threads, each of which keeps copies of some rows, such rests add up.
  const size_t whole = bytes / kHugePage * kHugePage;
  auto* const rest = reinterpret_cast<char*>(data_) + whole;
  madvise(data_, whole, MADV_HUGEPAGE);
  madvise(rest, static_cast<size_t>(static_cast<char*>(pages_) + page_bytes_ - rest),
          MADV_NOHUGEPAGE);
#endif
}

PaddedMatrix::PaddedMatrix(PaddedMatrix&& other) noexcept
    : num_rows_(std::exchange(other.num_rows_, 0)),
      dim_(other.dim_),
      stride_(other.stride_),
      data_(std::exchange(other.data_, nullptr)),
      pages_(std::exchange(other.pages_, nullptr)),
      page_bytes_(std::exchange(other.page_bytes_, 0)) {}

PaddedMatrix::~PaddedMatrix() {
  if (pages_ != nullptr) munmap(pages_, page_bytes_);
}

void PaddedMatrix::remove_padding() {
  for (Index r = 1; r < num_rows_ && stride_ != dim_; ++r) {
    std::memmove(data_ + r * dim_, data_ + r * stride_,
                 static_cast<size_t>(dim_) * sizeof(float));
  }
  stride_ = dim_;
#if defined(__linux__)
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t used = static_cast<size_t>(num_rows_ * dim_) * sizeof(float);
  auto* const start = reinterpret_cast<char*>(data_) + round_up(used, page);
  const auto rest = static_cast<size_t>(static_cast<char*>(pages_) + page_bytes_ - start);
  madvise(start, rest, MADV_DONTNEED);
#endif
}

}  // namespace embkit
