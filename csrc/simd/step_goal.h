// Part of kernels_impl.h: how the logits of a step become its movements.

namespace embkit::simd::EMBKIT_ISA {
namespace {

// rate * (label - sigmoid(logit)), with the products of rates and labels given.
template <int kTile>
EMBKIT_INLINE Pair to_steps(const Pair& logits, const Pair& wanted, const Pair& rates) {
  constexpr int kUsed = kTile > 4 ? 12 : 8;
  Pair steps = {};
#pragma GCC unroll 4
  for (int part = 0; part * kLanes < kUsed; ++part) {
    steps.part[part] = wanted.part[part] - scaled_sigmoid(logits.part[part], rates.part[part]);
  }
  return steps;
}

EMBKIT_INLINE Pair multiply(const Pair& a, const Pair& b) {
  Pair product;
#pragma GCC unroll 4
  for (int part = 0; part < kPairVecs; ++part) product.part[part] = a.part[part] * b.part[part];
  return product;
}

EMBKIT_INLINE Pair splat_pair(float x) {
  Pair pair;
#pragma GCC unroll 4
  for (int part = 0; part < kPairVecs; ++part) pair.part[part] = splat(x);
  return pair;
}

// The labels of a tile in the layout of a Pair. Made from a bit mask: written as floats and
// read back as a vector they would wait for every earlier store to leave the store buffer.
template <int kTile>
EMBKIT_INLINE Pair load_labels(const uint8_t* labels) {
  static constexpr int32_t kBit[kPair] = {1, 2, 4, 8, 1, 2, 4, 8, 16, 32, 16, 32, 0, 0, 0, 0};
  constexpr int32_t kOne = 0x3f800000;  // 1.0f
  int32_t bits = 0;
#pragma GCC unroll 6
  for (int t = 0; t < kTile; ++t) bits |= labels[t] << t;
  Pair pair;
#pragma GCC unroll 4
  for (int part = 0; part < kPairVecs; ++part) {
    IntVec mask;
    __builtin_memcpy(&mask, kBit + part * kLanes, sizeof mask);
    const IntVec ones = ((mask & bits) != 0) & kOne;
    pair.part[part] = reinterpret_cast<const Vec&>(ones);
  }
  return pair;
}

// The offsets of a tile's logits and its weighted rates, in the layout of a Pair.
struct Corrections {
  Pair offsets;
  Pair rates;  // learning_rate * weight
};

template <int kTile>
EMBKIT_INLINE Corrections load_corrections(const Step& step, int first) {
  alignas(64) float offsets[kPair] = {}, rates[kPair] = {};
#pragma GCC unroll 6
  for (int t = 0; t < kTile; ++t) {
    const float offset = step.offsets[first + t] + step.offset;
    const float rate = step.weights[first + t] * step.learning_rate;
    offsets[place(0, t)] = offsets[place(1, t)] = offset;
    rates[place(0, t)] = rates[place(1, t)] = rate;
  }
  Corrections corrections;
#pragma GCC unroll 4
  for (int part = 0; part < kPairVecs; ++part) {
    corrections.offsets.part[part] = vec(offsets + part * kLanes);
    corrections.rates.part[part] = vec(rates + part * kLanes);
  }
  return corrections;
}

// Makes logits of the products of rows, and steps of these: with the labels alone (negative
// sampling, hierarchical softmax), or with corrections too.
template <bool kIsCorrected, int kTile>
struct Goal;

template <int kTile>
struct Goal<false, kTile> {
  Pair rates;
  Pair wanted;

  EMBKIT_INLINE Goal(const Step& step, int first)
      : rates(splat_pair(step.learning_rate)),
        wanted(multiply(rates, load_labels<kTile>(step.labels + first))) {}
  EMBKIT_INLINE Pair logits(const Pair& products) const { return products; }
  EMBKIT_INLINE Pair steps(const Pair& logits) const {
    return to_steps<kTile>(logits, wanted, rates);
  }
};

template <int kTile>
struct Goal<true, kTile> {
  Corrections corrections;
  Pair wanted;

  EMBKIT_INLINE Goal(const Step& step, int first)
      : corrections(load_corrections<kTile>(step, first)),
        wanted(multiply(corrections.rates, load_labels<kTile>(step.labels + first))) {}
  EMBKIT_INLINE Pair logits(const Pair& products) const {
    Pair logits;
#pragma GCC unroll 4
    for (int part = 0; part < kPairVecs; ++part) {
      logits.part[part] = products.part[part] - corrections.offsets.part[part];
    }
    return logits;
  }
  EMBKIT_INLINE Pair steps(const Pair& logits) const {
    return to_steps<kTile>(logits, wanted, corrections.rates);
  }
};

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA
