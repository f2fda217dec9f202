#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define EMBKIT_HOST_DEVICE __host__ __device__
#else
#define EMBKIT_HOST_DEVICE
#endif

// Counter-based random numbers: every draw is a pure function of (seed, epoch, position, draw
// number), so that it does not depend on threads, chunks or device. The mixing function is
// SplitMix64's (Steele, Lea and Flood 2014, with Stafford's variant 13 constants).
namespace embkit {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;

EMBKIT_HOST_DEVICE constexpr uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Epoch value reserved for the initial rows of a model; a run never reaches it.
constexpr uint64_t kInitialRowsEpoch = ~uint64_t{0};

// The draws of one epoch. A value: copy it freely.
class EpochRandom {
 public:
  EMBKIT_HOST_DEVICE constexpr EpochRandom(uint64_t seed, uint64_t epoch)
      : key_(mix64(mix64(seed + kGolden) ^ (epoch * 0xD1342543DE82EF95u + kGolden))) {}

  // Draw 0 of a position, and the state from which its further draws follow.
  EMBKIT_HOST_DEVICE constexpr uint64_t at(uint64_t position) const {
    return mix64(key_ + (position + 1) * kGolden);
  }

 private:
  uint64_t key_;
};

// Draw number `draw` (from 1) of the position whose draw 0 is `state`: SplitMix64 from there.
EMBKIT_HOST_DEVICE constexpr uint64_t further_draw(uint64_t state, uint64_t draw) {
  return mix64(state + draw * kGolden);
}

// A uniform integer below `limit` (Lemire's multiplication) from the high half of a draw.
EMBKIT_HOST_DEVICE constexpr uint32_t below(uint64_t draw, uint32_t limit) {
  return static_cast<uint32_t>(((draw >> 32) * limit) >> 32);
}

// A uniform float in [0, 1) from the high 24 bits of a draw.
EMBKIT_HOST_DEVICE constexpr float uniform(uint64_t draw) {
  return static_cast<float>(draw >> 40) * 0x1p-24f;
}

}  // namespace embkit
