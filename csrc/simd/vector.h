// Part of kernels_impl.h: vectors as wide as the instruction set's, sums of their lanes, and
// the sigmoid. No standard header, as there.

namespace embkit::simd::EMBKIT_ISA {
namespace {

#define EMBKIT_INLINE inline __attribute__((always_inline))

typedef float Vec __attribute__((vector_size(EMBKIT_VECTOR_BYTES), may_alias));
typedef int32_t IntVec __attribute__((vector_size(EMBKIT_VECTOR_BYTES), may_alias));

constexpr int kLanes = EMBKIT_VECTOR_BYTES / 4;

// Scalar minus zero vector: exact, and folded to one broadcast. (Adding would not fold: -0.)
EMBKIT_INLINE Vec splat(float x) { return x - Vec{}; }

// Holds a vector in a register: compilers otherwise read it from memory once for each use,
// and two loads for each multiplication are more than the processor can do.
#if defined(__AVX512F__)
#define EMBKIT_HOLD(v) asm("" : "+v"(v))
#elif defined(__x86_64__)
#define EMBKIT_HOLD(v) asm("" : "+x"(v))
#elif defined(__aarch64__)
#define EMBKIT_HOLD(v) asm("" : "+w"(v))
#else
#define EMBKIT_HOLD(v)
#endif

EMBKIT_INLINE Vec& vec(float* p) { return *reinterpret_cast<Vec*>(p); }
EMBKIT_INLINE const Vec& vec(const float* p) { return *reinterpret_cast<const Vec*>(p); }

#if EMBKIT_VECTOR_BYTES == 64
#define EMBKIT_INTERLEAVE_LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define EMBKIT_INTERLEAVE_HIGH(a, b) \
  __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define EMBKIT_PAIRS_LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define EMBKIT_PAIRS_HIGH(a, b) \
  __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#elif EMBKIT_VECTOR_BYTES == 32
#define EMBKIT_INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define EMBKIT_INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define EMBKIT_PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define EMBKIT_PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#else
#define EMBKIT_INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define EMBKIT_INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define EMBKIT_PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define EMBKIT_PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif

// The sums of four vectors' lanes, still spread over the 128-bit lanes of one.
EMBKIT_INLINE Vec gather4(Vec a, Vec b, Vec c, Vec d) {
  const Vec ab = EMBKIT_INTERLEAVE_LOW(a, b) + EMBKIT_INTERLEAVE_HIGH(a, b);
  const Vec cd = EMBKIT_INTERLEAVE_LOW(c, d) + EMBKIT_INTERLEAVE_HIGH(c, d);
  return EMBKIT_PAIRS_LOW(ab, cd) + EMBKIT_PAIRS_HIGH(ab, cd);
}

// The logits of two input rows, in the order in which they fall out of the registers:
// [row 0: outputs 0-3][row 1: outputs 0-3][row 0: 4, 5][row 1: 4, 5][unused].
constexpr int kPair = 16;
constexpr int kPairVecs = kPair / kLanes;

EMBKIT_INLINE constexpr int place(int row, int output) {
  return output < 4 ? 4 * row + output : 8 + 2 * row + output - 4;
}

struct Pair {
  Vec part[kPairVecs];
};

// Adds up the 128-bit lanes of three gathered vectors.
EMBKIT_INLINE Pair fold(Vec row0, Vec row1, Vec rest) {
#if EMBKIT_VECTOR_BYTES == 64
  const Vec rows = __builtin_shufflevector(row0, row1, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19,
                                           20, 21, 22, 23) +
                   __builtin_shufflevector(row0, row1, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26,
                                           27, 28, 29, 30, 31);
  const Vec twice = rest + __builtin_shufflevector(rest, rest, 8, 9, 10, 11, 12, 13, 14, 15, 0,
                                                   1, 2, 3, 4, 5, 6, 7);
  return {{__builtin_shufflevector(rows, twice, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24,
                                   25, 26, 27) +
           __builtin_shufflevector(rows, twice, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28,
                                   29, 30, 31)}};
#elif EMBKIT_VECTOR_BYTES == 32
  return {{__builtin_shufflevector(row0, row1, 0, 1, 2, 3, 8, 9, 10, 11) +
               __builtin_shufflevector(row0, row1, 4, 5, 6, 7, 12, 13, 14, 15),
           rest + __builtin_shufflevector(rest, rest, 4, 5, 6, 7, 0, 1, 2, 3)}};
#else
  return {{row0, row1, rest, Vec{}}};
#endif
}

// NaN stays NaN. For the widest vectors compilers make a mask and a blend of a choice, each
// with a long latency, where the processor has one instruction that does the same; its
// intrinsic would need a header.
EMBKIT_INLINE Vec at_least(float limit, Vec x) {
#if defined(__AVX512F__)
  Vec result;
  asm("vmaxps %2, %1, %0" : "=v"(result) : "v"(splat(limit)), "v"(x));
  return result;
#else
  return x < splat(limit) ? splat(limit) : x;
#endif
}

EMBKIT_INLINE Vec at_most(float limit, Vec x) {
#if defined(__AVX512F__)
  Vec result;
  asm("vminps %2, %1, %0" : "=v"(result) : "v"(splat(limit)), "v"(x));
  return result;
#else
  return x > splat(limit) ? splat(limit) : x;
#endif
}

// rate / (1 + exp(-x)), relative error below 1e-6; NaN stays NaN. exp2 by splitting off the
// integer with the 1.5 * 2^23 trick and a polynomial for the rest. A step waits for this, so
// the chain of operations is short: the polynomial by halves (Estrin), no product at the end.
EMBKIT_INLINE Vec scaled_sigmoid(Vec x, Vec rate) {
  constexpr float kLimit = 30, kRound = 12582912;
  const Vec bounded = at_most(kLimit, at_least(-kLimit, x));
  const Vec power = bounded * -1.44269504088896341f;
  const Vec rounded = power + kRound;
  const Vec f = power - (rounded - kRound);
  const Vec square = f * f;
  const Vec p = ((f * 1.327647111e-03f + 9.675541327e-03f) * square +
                 (f * 5.550713276e-02f + 2.402211972e-01f)) *
                    square +
                (f * 6.931469671e-01f + 1.000000072f);
  const IntVec scaled =
      reinterpret_cast<const IntVec&>(p) + (reinterpret_cast<const IntVec&>(rounded) << 23);
  // x - x is 0, or NaN where x is: the bit tricks above would lose that.
  return (rate + (bounded - bounded)) / (splat(1) + reinterpret_cast<const Vec&>(scaled));
}

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA
