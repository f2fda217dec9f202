// Part of kernels_impl.h: how the logits of a step become its movements.

namespace embkit::simd::EMBKIT_ISA {
namespace {

// learning_rate * (label - sigmoid(logit)).
template <int kTile>
EMBKIT_INLINE Pair to_steps(const Pair& logits, const Pair& labels, float learning_rate) {
  constexpr int kUsed = kTile > 4 ? 12 : 8;
  Pair steps = {};
#pragma GCC unroll 4
  for (int part = 0; part * kLanes < kUsed; ++part) {
    steps.part[part] = splat(learning_rate) * (labels.part[part] - sigmoid(logits.part[part]));
  }
  return steps;
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
  const Step& step;
  Pair labels;

  EMBKIT_INLINE Goal(const Step& step, int first)
      : step(step), labels(load_labels<kTile>(step.labels + first)) {}
  EMBKIT_INLINE Pair logits(const Pair& products) const { return products; }
  EMBKIT_INLINE Pair steps(const Pair& logits) const {
    return to_steps<kTile>(logits, labels, step.learning_rate);
  }
};

template <int kTile>
struct Goal<true, kTile> {
  Pair labels;
  Corrections corrections;

  EMBKIT_INLINE Goal(const Step& step, int first)
      : labels(load_labels<kTile>(step.labels + first)),
        corrections(load_corrections<kTile>(step, first)) {}
  EMBKIT_INLINE Pair logits(const Pair& products) const {
    Pair logits;
#pragma GCC unroll 4
    for (int part = 0; part < kPairVecs; ++part) {
      logits.part[part] = products.part[part] - corrections.offsets.part[part];
    }
    return logits;
  }
  EMBKIT_INLINE Pair steps(const Pair& logits) const {
    constexpr int kUsed = kTile > 4 ? 12 : 8;
    Pair steps = {};
#pragma GCC unroll 4
    for (int part = 0; part * kLanes < kUsed; ++part) {
      steps.part[part] =
          corrections.rates.part[part] * (labels.part[part] - sigmoid(logits.part[part]));
    }
    return steps;
  }
};

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA
