#pragma once

#include "cuda/warp.h"

namespace embkit::cuda {

constexpr int kTileSide = 16;

// A 16 x 16 tile of a matrix product, held by a warp, each lane with eight of a row's values.
// For devices without tensor cores of single precision, and for the host. Matrices are
// row-major in shared memory; `depth` is a multiple of 8. A transposed matrix is read with its
// indices exchanged.
class PlainTile {
 public:
  EMBKIT_HOST_DEVICE explicit PlainTile(int lane) : row_(lane / 2), column_(lane % 2 * 8) {}

  EMBKIT_HOST_DEVICE void clear() {
    EMBKIT_UNROLL
    for (float& value : values_) value = 0;
  }
  EMBKIT_HOST_DEVICE void store(float* to, int stride) const {
    EMBKIT_UNROLL
    for (int i = 0; i < 8; ++i) to[row_ * stride + column_ + i] = values_[i];
  }

  // Adds a [16][depth] times b [depth][16].
  template <bool kIsATransposed, bool kIsBTransposed>
  EMBKIT_HOST_DEVICE void multiply(const float* a, int a_stride, const float* b, int b_stride,
                                   int depth) {
    for (int k = 0; k < depth; ++k) {
      const float left = kIsATransposed ? a[k * a_stride + row_] : a[row_ * a_stride + k];
      EMBKIT_UNROLL
      for (int i = 0; i < 8; ++i) {
        const int column = column_ + i;
        values_[i] +=
            left * (kIsBTransposed ? b[column * b_stride + k] : b[k * b_stride + column]);
      }
    }
  }

 private:
  int row_;
  int column_;
  float values_[8];
};

}  // namespace embkit::cuda
