// The source of every kernel file. The file that includes it defines
//   EMBKIT_ISA          the namespace: baseline, avx2, avx512, neon
//   EMBKIT_VECTOR_BYTES the width of the instruction set's own vectors; wider ones are split
//                       through memory and cost a factor of two
// and is compiled with that instruction set's flags. Nothing here may include a standard
// header: an inline function compiled with these flags would be a weak symbol that the linker
// may pick for every other file. All but table() has internal linkage.

#include "simd/kernels.h"

namespace embkit::simd::EMBKIT_ISA {
namespace {

#define EMBKIT_INLINE inline __attribute__((always_inline))

typedef float Vec __attribute__((vector_size(EMBKIT_VECTOR_BYTES), may_alias));
typedef int32_t IntVec __attribute__((vector_size(EMBKIT_VECTOR_BYTES), may_alias));
typedef float Quad __attribute__((vector_size(16), may_alias));

constexpr int kLanes = EMBKIT_VECTOR_BYTES / 4;
constexpr int kPitch = 8;  // floats between the logits of one input row and of the next

// Scalar minus zero vector: exact, and folded to one broadcast. (Adding would not fold: -0.)
EMBKIT_INLINE Vec splat(float x) { return x - Vec{}; }

EMBKIT_INLINE Vec& vec(float* p) { return *reinterpret_cast<Vec*>(p); }
EMBKIT_INLINE const Vec& vec(const float* p) { return *reinterpret_cast<const Vec*>(p); }

#if EMBKIT_VECTOR_BYTES == 64
EMBKIT_INLINE Quad fold(Vec v) {
  typedef float Half __attribute__((vector_size(32)));
  const Half half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                    __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) +
         __builtin_shufflevector(half, half, 4, 5, 6, 7);
}
#define EMBKIT_INTERLEAVE_LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define EMBKIT_INTERLEAVE_HIGH(a, b) \
  __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define EMBKIT_PAIRS_LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define EMBKIT_PAIRS_HIGH(a, b) \
  __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#elif EMBKIT_VECTOR_BYTES == 32
EMBKIT_INLINE Quad fold(Vec v) {
  return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
}
#define EMBKIT_INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define EMBKIT_INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define EMBKIT_PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define EMBKIT_PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#else
EMBKIT_INLINE Quad fold(Vec v) { return v; }
#define EMBKIT_INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define EMBKIT_INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define EMBKIT_PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define EMBKIT_PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif

// The sums of four vectors' lanes.
EMBKIT_INLINE Quad sum4(Vec a, Vec b, Vec c, Vec d) {
  const Vec ab = EMBKIT_INTERLEAVE_LOW(a, b) + EMBKIT_INTERLEAVE_HIGH(a, b);
  const Vec cd = EMBKIT_INTERLEAVE_LOW(c, d) + EMBKIT_INTERLEAVE_HIGH(c, d);
  return fold(EMBKIT_PAIRS_LOW(ab, cd) + EMBKIT_PAIRS_HIGH(ab, cd));
}

// Stores the sums of kTile vectors' lanes at `out`, which has room for eight floats.
template <int kTile>
EMBKIT_INLINE void store_sums(const Vec* sums, float* out) {
  const Vec zero{};
  const Quad low = sum4(sums[0], kTile > 1 ? sums[kTile > 1 ? 1 : 0] : zero,
                        kTile > 2 ? sums[kTile > 2 ? 2 : 0] : zero,
                        kTile > 3 ? sums[kTile > 3 ? 3 : 0] : zero);
  *reinterpret_cast<Quad*>(out) = low;
  if (kTile > 4) {
    *reinterpret_cast<Quad*>(out + 4) =
        sum4(sums[kTile > 4 ? 4 : 0], kTile > 5 ? sums[kTile > 5 ? 5 : 0] : zero, zero, zero);
  }
}

// 1 / (1 + exp(-x)), relative error below 1e-6; NaN stays NaN. exp2 by splitting off the
// integer with the 1.5 * 2^23 trick and a polynomial for the rest.
EMBKIT_INLINE Vec sigmoid(Vec x) {
  constexpr float kLimit = 30, kRound = 12582912;
  const Vec bounded = x < -kLimit ? splat(-kLimit) : (x > kLimit ? splat(kLimit) : x);
  const Vec power = bounded * -1.44269504088896341f;
  const Vec rounded = power + kRound;
  const Vec f = power - (rounded - kRound);
  const Vec p = ((((f * 1.327647111e-03f + 9.675541327e-03f) * f + 5.550713276e-02f) * f +
                  2.402211972e-01f) *
                     f +
                 6.931469671e-01f) *
                    f +
                1.000000072f;
  const IntVec scaled =
      reinterpret_cast<const IntVec&>(p) + (reinterpret_cast<const IntVec&>(rounded) << 23);
  // bounded - bounded is 0, or NaN where x was: the bit tricks above would lose that.
  return splat(1) / (splat(1) + reinterpret_cast<const Vec&>(scaled)) + (bounded - bounded);
}

// The logits of kInputs input rows against kTile output rows, side by side at `logits`.
template <int kInputs, int kTile>
EMBKIT_INLINE void dot_rows(const float* const* inputs, const float* const* outputs, int stride,
                            float* logits) {
  Vec sums[kInputs][kTile] = {};
  for (int d = 0; d < stride; d += kLanes) {
    Vec x[kInputs];
#pragma GCC unroll 2
    for (int i = 0; i < kInputs; ++i) x[i] = vec(inputs[i] + d);
#pragma GCC unroll 6
    for (int t = 0; t < kTile; ++t) {
      const Vec y = vec(outputs[t] + d);
#pragma GCC unroll 2
      for (int i = 0; i < kInputs; ++i) sums[i][t] += x[i] * y;
    }
  }
  if (kInputs == 2 && kTile > 4) {  // the fifth and sixth of both rows share one sum4
    constexpr int kFifth = kTile > 4 ? 4 : 0, kSixth = kTile > 5 ? 5 : 0, kRow = kInputs - 1;
    const Vec zero{};
    const Quad rest = sum4(sums[0][kFifth], kTile > 5 ? sums[0][kSixth] : zero,
                           sums[kRow][kFifth], kTile > 5 ? sums[kRow][kSixth] : zero);
    store_sums<(kTile > 4 ? 4 : kTile)>(sums[0], logits);
    store_sums<(kTile > 4 ? 4 : kTile)>(sums[kRow], logits + kPitch);
    *reinterpret_cast<Quad*>(logits + 4) = rest;
    *reinterpret_cast<Quad*>(logits + kPitch + 4) =
        __builtin_shufflevector(rest, rest, 2, 3, 0, 1);
  } else {
#pragma GCC unroll 2
    for (int i = 0; i < kInputs; ++i) store_sums<kTile>(sums[i], logits + i * kPitch);
  }
}

// Turns logits into learning_rate * (label - sigmoid(logit)), in place, for `count` rows of
// kPitch; the room behind them is a whole vector.
EMBKIT_INLINE void to_steps(float* logits, int count, const float* labels,
                            float learning_rate) {
  alignas(64) float label[16] = {};
#pragma GCC unroll 6
  for (int t = 0; t < kMaxTile; ++t) label[t] = label[t + kPitch] = labels[t];
  const Vec rate = splat(learning_rate);
  for (int i = 0; i < count * kPitch; i += kLanes) {
    vec(logits + i) = rate * (vec(label + i % 16) - sigmoid(vec(logits + i)));
  }
}

// Adds the steps to both sides. Output deltas start from zero and are added to the row as it
// is at the end, so that a row that stands twice among the outputs gets both.
template <int kTile>
EMBKIT_INLINE void update_rows(float* const* inputs, int num_inputs, float* const* outputs,
                               int stride, const float* steps) {
  for (int d = 0; d < stride; d += kLanes) {
    Vec y[kTile], delta[kTile];
#pragma GCC unroll 6
    for (int t = 0; t < kTile; ++t) {
      y[t] = vec(outputs[t] + d);
      delta[t] = Vec{};
    }
    for (int i = 0; i < num_inputs; ++i) {
      const float* step = steps + i * kPitch;
      float* input = inputs[i] + d;
      const Vec x = vec(input);
      Vec sum = x;
#pragma GCC unroll 6
      for (int t = 0; t < kTile; ++t) {
        const Vec s = splat(step[t]);
        sum += s * y[t];
        delta[t] += s * x;
      }
      vec(input) = sum;
    }
#pragma GCC unroll 6
    for (int t = 0; t < kTile; ++t) vec(outputs[t] + d) += delta[t];
  }
}

// One tile for the one input row of CBOW: the gradient goes to `gradient`, not to the row.
template <int kTile>
EMBKIT_INLINE void update_outputs(const float* input, float* gradient, float* const* outputs,
                                  int stride, const float* steps) {
  Vec s[kTile];
#pragma GCC unroll 6
  for (int t = 0; t < kTile; ++t) s[t] = splat(steps[t]);
  for (int d = 0; d < stride; d += kLanes) {
    const Vec x = vec(input + d);
    Vec sum = vec(gradient + d);
#pragma GCC unroll 6
    for (int t = 0; t < kTile; ++t) sum += s[t] * vec(outputs[t] + d);
    vec(gradient + d) = sum;
#pragma GCC unroll 6
    for (int t = 0; t < kTile; ++t) vec(outputs[t] + d) += s[t] * x;
  }
}

// Calls body.tile<size>(first) for each tile of `count` outputs.
template <typename Body>
EMBKIT_INLINE void for_each_tile(int count, const Body& body) {
  const int num_tiles = (count + kMaxTile - 1) / kMaxTile;
  for (int first = 0, left = num_tiles; left > 0; --left) {
    const int size = (count - first + left - 1) / left;
    switch (size) {
      case 1:
        body.template tile<1>(first);
        break;
      case 2:
        body.template tile<2>(first);
        break;
      case 3:
        body.template tile<3>(first);
        break;
      case 4:
        body.template tile<4>(first);
        break;
      case 5:
        body.template tile<5>(first);
        break;
      default:
        body.template tile<6>(first);
        break;
    }
    first += size;
  }
}

template <int kTile>
EMBKIT_INLINE void copy_logits(const Step& step, const float* logits, int count, int first) {
  if (step.logits == nullptr) return;
  for (int i = 0; i < count; ++i) {
    for (int t = 0; t < kTile; ++t) {
      step.logits[i * step.num_outputs + first + t] = logits[i * kPitch + t];
    }
  }
}

template <int kTile>
EMBKIT_INLINE void copy_labels(const Step& step, int first, float* labels) {
#pragma GCC unroll 6
  for (int t = 0; t < kTile; ++t) labels[t] = step.labels[first + t];
}

struct WindowTile {
  const Step& step;

  template <int kTile>
  EMBKIT_INLINE void tile(int first) const {
    float* const* outputs = step.outputs + first;
    float* logits = step.scratch;
    float labels[kMaxTile] = {};
    copy_labels<kTile>(step, first, labels);
    int i = 0;
    for (; i + 2 <= step.num_inputs; i += 2) {
      dot_rows<2, kTile>(step.inputs + i, outputs, step.stride, logits + i * kPitch);
    }
    if (i < step.num_inputs) {
      dot_rows<1, kTile>(step.inputs + i, outputs, step.stride, logits + i * kPitch);
    }
    copy_logits<kTile>(step, logits, step.num_inputs, first);
    to_steps(logits, step.num_inputs, labels, step.learning_rate);
    update_rows<kTile>(step.inputs, step.num_inputs, outputs, step.stride, logits);
  }
};

struct CbowTile {
  const Step& step;
  float* logits;
  const float* input;
  float* gradient;

  template <int kTile>
  EMBKIT_INLINE void tile(int first) const {
    float* const* outputs = step.outputs + first;
    float labels[kMaxTile] = {};
    copy_labels<kTile>(step, first, labels);
    dot_rows<1, kTile>(&input, outputs, step.stride, logits);
    copy_logits<kTile>(step, logits, 1, first);
    to_steps(logits, 1, labels, step.learning_rate);
    update_outputs<kTile>(input, gradient, outputs, step.stride, logits);
  }
};

void train_window(const Step& step) { for_each_tile(step.num_outputs, WindowTile{step}); }

void train_cbow(const Step& step) {
  float* logits = step.scratch;
  float* input = step.scratch + 2 * 16;
  float* gradient = input + step.stride;
  const Vec scale = splat(step.scale);
  for (int d = 0; d < step.stride; d += kLanes) {
    Vec sum = vec(step.inputs[0] + d);
    for (int i = 1; i < step.num_inputs; ++i) sum += vec(step.inputs[i] + d);
    vec(input + d) = scale * sum;
    vec(gradient + d) = Vec{};
  }
  for_each_tile(step.num_outputs, CbowTile{step, logits, input, gradient});
  for (int i = 0; i < step.num_inputs; ++i) {
    float* row = step.inputs[i];
    for (int d = 0; d < step.stride; d += kLanes) vec(row + d) += vec(gradient + d);
  }
}

}  // namespace

#define EMBKIT_NAME(x) #x
#define EMBKIT_NAME_OF(x) EMBKIT_NAME(x)

const Kernels& table() {
  static constexpr Kernels kernels = {EMBKIT_NAME_OF(EMBKIT_ISA), &train_window, &train_cbow};
  return kernels;
}

}  // namespace embkit::simd::EMBKIT_ISA
