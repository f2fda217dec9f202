#pragma once

#include <cmath>
#include <cstdint>

#include "core/random.h"

// What the code of a warp is written against. It is a template on a Warp: DeviceWarp below, or
// the emulated one of emulated_warp.h, where 32 lanes are run in turn on the host. A Warp has
//   lane()                          0 to 31
//   sync()                          all lanes see what any has written to shared memory
//   ballot(flag)                    bit i: lane i's flag
//   shuffle(value, source), shuffle_xor(value, mask)
//   load(pointer)                   four floats that other warps may change, past the L1 cache
//   add(pointer, Float4, updates)   to a row in global memory
//   begin_copy(to, from)            four floats of such a row, there after end_copies(); for
//                                   this lane alone
// All 32 lanes come to each of the first five together.
#if defined(__CUDA_ARCH__)
#define EMBKIT_UNROLL _Pragma("unroll")
#else
#define EMBKIT_UNROLL
#endif

namespace embkit::cuda {

constexpr int kWarpSize = 32;
constexpr int kBlockFloats = 4 * kWarpSize;  // columns that a warp goes through at once

struct alignas(16) Float4 {
  float x, y, z, w;
};

EMBKIT_HOST_DEVICE inline Float4 operator+(Float4 a, Float4 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}
EMBKIT_HOST_DEVICE inline Float4 operator-(Float4 a, Float4 b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w};
}
EMBKIT_HOST_DEVICE inline Float4 operator*(float s, Float4 a) {
  return {s * a.x, s * a.y, s * a.z, s * a.w};
}
EMBKIT_HOST_DEVICE inline float dot(Float4 a, Float4 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

EMBKIT_HOST_DEVICE inline int count_bits(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __popc(bits);
#else
  return __builtin_popcount(bits);
#endif
}

// The lowest bit that is set; `bits` is not 0.
EMBKIT_HOST_DEVICE inline int lowest_bit(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __ffs(static_cast<int>(bits)) - 1;
#else
  return __builtin_ctz(bits);
#endif
}

EMBKIT_HOST_DEVICE inline uint32_t bits_below(int count) {
  return count >= 32 ? ~uint32_t{0} : (uint32_t{1} << count) - 1;
}

EMBKIT_HOST_DEVICE inline float sigmoid(float x) {
#if defined(__CUDA_ARCH__)
  return __fdividef(1.0f, 1.0f + __expf(-x));
#else
  return 1.0f / (1.0f + std::exp(-x));
#endif
}

// log(1 + exp(x)), without overflow; not finite where x is not.
EMBKIT_HOST_DEVICE inline float softplus(float x) {
  return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))) + (x - x);
}

// Adds eight values over all lanes with nine shuffles: each lane gets the sum of value
// lane / 4. Halves of the warp exchange halves of the values until each has one.
template <typename Warp>
EMBKIT_HOST_DEVICE float sum_eight(Warp& warp, float (&values)[8]) {
  EMBKIT_UNROLL
  for (int half = 4; half > 0; half /= 2) {
    const int mask = 4 * half;
    const bool is_upper = (warp.lane() & mask) != 0;
    EMBKIT_UNROLL
    for (int i = 0; i < half; ++i) {
      const float mine = is_upper ? values[i + half] : values[i];
      const float theirs = is_upper ? values[i] : values[i + half];
      values[i] = mine + warp.shuffle_xor(theirs, mask);
    }
  }
  values[0] += warp.shuffle_xor(values[0], 2);
  values[0] += warp.shuffle_xor(values[0], 1);
  return values[0];
}

// Calls body(block, column) for each block of columns in which this lane has four of a row's
// `stride` floats. A lane meets the same columns of every row, and no other lane's: rows in
// shared memory need no sync(). kBlocks: the number of blocks, or 0 where it is not known.
template <int kBlocks, typename Body>
EMBKIT_HOST_DEVICE void for_columns(int lane, int stride, const Body& body) {
  const int count = kBlocks > 0 ? kBlocks : (stride + kBlockFloats - 1) / kBlockFloats;
  EMBKIT_UNROLL
  for (int block = 0; block < count; ++block) {
    const int column = block * kBlockFloats + 4 * lane;
    if (column < stride) body(block, column);
  }
}

// The sum over all lanes, the same in each.
template <typename Warp, typename Value>
EMBKIT_HOST_DEVICE Value sum_lanes(Warp& warp, Value value) {
  for (int mask = 16; mask > 0; mask /= 2) value += warp.shuffle_xor(value, mask);
  return value;
}

}  // namespace embkit::cuda
