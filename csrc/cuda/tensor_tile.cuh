#pragma once

#include <mma.h>

#include <type_traits>

#include "cuda/tile.h"

namespace embkit::cuda {

#if __CUDA_ARCH__ >= 800

// PlainTile on tensor cores. Each factor is the sum of two numbers of TF32's 11 bits, and three
// of their four products are taken, so that little more is lost than by single precision.
class TensorTile {
 public:
  __device__ explicit TensorTile(int) {}

  __device__ void clear() { nvcuda::wmma::fill_fragment(sum_, 0.0f); }
  __device__ void store(float* to, int stride) const {
    nvcuda::wmma::store_matrix_sync(to, sum_, static_cast<unsigned>(stride),
                                    nvcuda::wmma::mem_row_major);
  }

  template <bool kIsATransposed, bool kIsBTransposed>
  __device__ void multiply(const float* a, int a_stride, const float* b, int b_stride,
                           int depth) {
    for (int k = 0; k < depth; k += kDepth) {
      Left<kIsATransposed> left, left_rest;
      Right<kIsBTransposed> right, right_rest;
      nvcuda::wmma::load_matrix_sync(left, a + (kIsATransposed ? k * a_stride : k),
                                     static_cast<unsigned>(a_stride));
      nvcuda::wmma::load_matrix_sync(right, b + (kIsBTransposed ? k : k * b_stride),
                                     static_cast<unsigned>(b_stride));
      split(left, left_rest);
      split(right, right_rest);
      nvcuda::wmma::mma_sync(sum_, left_rest, right, sum_);
      nvcuda::wmma::mma_sync(sum_, left, right_rest, sum_);
      nvcuda::wmma::mma_sync(sum_, left, right, sum_);
    }
  }

 private:
  static constexpr int kDepth = 8;
  template <bool kIsTransposed>
  using Order =
      std::conditional_t<kIsTransposed, nvcuda::wmma::col_major, nvcuda::wmma::row_major>;
  template <bool kIsTransposed>
  using Left = nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, kTileSide, kTileSide, kDepth,
                                      nvcuda::wmma::precision::tf32, Order<kIsTransposed>>;
  template <bool kIsTransposed>
  using Right = nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, kTileSide, kTileSide, kDepth,
                                       nvcuda::wmma::precision::tf32, Order<kIsTransposed>>;

  template <typename Fragment>
  __device__ static void split(Fragment& whole, Fragment& rest) {
    EMBKIT_UNROLL
    for (int i = 0; i < whole.num_elements; ++i) {
      const float value = whole.x[i];
      whole.x[i] = nvcuda::wmma::__float_to_tf32(value);
      rest.x[i] = nvcuda::wmma::__float_to_tf32(value - whole.x[i]);
    }
  }

  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, kTileSide, kTileSide, kDepth, float> sum_;
};

using DeviceTile = TensorTile;

#else

using DeviceTile = PlainTile;

#endif

}  // namespace embkit::cuda
