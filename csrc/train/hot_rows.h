#pragma once

#include <algorithm>

#include "core/matrix.h"
#include "simd/kernels.h"

namespace embkit {

// A thread's own copy of the last rows of a matrix that all threads train. Rows that every
// window meets, such as the top of a Huffman tree, would otherwise travel from core to core
// with every step. What a copy has gained is added to the matrix now and then.
class HotRows {
 public:
  // No rows are copied where `num_rows` is 0. `shared` must outlive this.
  HotRows(PaddedMatrix& shared, Index num_rows)
      : shared_(shared),
        begin_(shared.num_rows() - std::min(num_rows, shared.num_rows())),
        mine_(shared.num_rows() - begin_, shared.dim()),
        base_(shared.num_rows() - begin_, shared.dim()) {
    exchange();
  }

  float* row(Index row) { return row < begin_ ? shared_.row(row) : mine_.row(row - begin_); }

  void exchange() {
    const auto count = static_cast<size_t>(mine_.num_rows() * mine_.stride());
    if (count == 0) return;
    simd::kernels().exchange(shared_.row(begin_), mine_.data(), base_.data(), count);
  }

 private:
  PaddedMatrix& shared_;
  Index begin_;
  PaddedMatrix mine_;
  PaddedMatrix base_;
};

}  // namespace embkit
