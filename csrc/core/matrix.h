#pragma once

#include <cstddef>

#include "core/types.h"

namespace embkit {

// Rows of floats for training: each row starts on a 64-byte line and is padded with zeros to
// whole lines, in every build, so that kernels need no remainder code.
//
// Owns its memory (anonymous pages, huge ones where the system has them, zero at first). A
// move leaves the source empty. Not resizable. Throws std::bad_alloc.
class PaddedMatrix {
 public:
  static constexpr Index kLine = 16;  // floats in 64 bytes

  PaddedMatrix(Index num_rows, Index dim);
  PaddedMatrix(PaddedMatrix&& other) noexcept;
  PaddedMatrix(const PaddedMatrix&) = delete;
  PaddedMatrix& operator=(const PaddedMatrix&) = delete;
  ~PaddedMatrix();

  float* row(Index row) { return data_ + row * stride_; }
  const float* row(Index row) const { return data_ + row * stride_; }
  float* data() { return data_; }
  Index num_rows() const { return num_rows_; }
  Index dim() const { return dim_; }
  Index stride() const { return stride_; }

  // Moves the rows together in place, so that data() is num_rows x dim without padding, and
  // gives the freed pages back. stride() is dim() afterwards.
  void remove_padding();

 private:
  Index num_rows_;
  Index dim_;
  Index stride_;
  float* data_ = nullptr;
  void* pages_ = nullptr;
  size_t page_bytes_ = 0;
};

}  // namespace embkit
