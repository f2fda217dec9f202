#pragma once

#include <cstdint>

#include "cuda/warp.h"
#include "cuda/word2vec.h"

// The two kinds of memory traffic that training consists of, alone: what a device does of them
// in a second is the ceiling of any trainer.
namespace embkit::cuda {

constexpr int kRowsAhead = 4;  // that a warp asks for at once

// Sums rows `first`, first + step, ... of the list into a row of the warp's own.
template <typename Warp>
EMBKIT_HOST_DEVICE void gather_rows(Warp& warp, const float* matrix, int stride,
                                    const uint32_t* rows, Index count, Index first, Index step,
                                    float* sums) {
  for_columns<0>(warp.lane(), stride, [&](int, int column) {
    Float4 sum{0, 0, 0, 0};
    for (Index i = first; i < count; i += kRowsAhead * step) {
      EMBKIT_UNROLL
      for (int ahead = 0; ahead < kRowsAhead; ++ahead) {
        const Index mine = i + ahead * step;
        if (mine < count) sum = sum + warp.load(matrix + int64_t{rows[mine]} * stride + column);
      }
    }
    *reinterpret_cast<Float4*>(sums + column) = sum;
  });
}

// Adds `value` to every float of these rows.
template <typename Warp>
EMBKIT_HOST_DEVICE void scatter_rows(Warp& warp, float* matrix, int stride,
                                     const uint32_t* rows, Index count, Index first, Index step,
                                     float value) {
  for (Index i = first; i < count; i += step) {
    float* const row = matrix + int64_t{rows[i]} * stride;
    for_columns<0>(warp.lane(), stride, [&](int, int column) {
      warp.add(row + column, {value, value, value, value}, Updates::kAtomic);
    });
  }
}

}  // namespace embkit::cuda
