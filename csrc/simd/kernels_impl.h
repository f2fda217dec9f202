// The source of every kernel file. The file that includes it defines
//   EMBKIT_ISA          the namespace: baseline, avx2, avx512, neon
//   EMBKIT_VECTOR_BYTES the width of the instruction set's own vectors; wider ones are split
//                       through memory and cost a factor of two
// and is compiled with that instruction set's flags. Nothing here may include a standard
// header: an inline function compiled with these flags would be a weak symbol that the linker
// may pick for every other file. All but table() has internal linkage.

#include "simd/kernels.h"
#include "simd/vector.h"

namespace embkit::simd::EMBKIT_ISA {
namespace {

// The logits of kInputs (1 or 2) input rows against kTile output rows.
template <int kInputs, int kTile>
EMBKIT_INLINE Pair dot_rows(const float* const* inputs, const float* const* outputs,
                            int stride) {
  Vec sums[2][kMaxTile] = {};
  for (int d = 0; d < stride; d += kLanes) {
    Vec x[kInputs];
#pragma GCC unroll 2
    for (int i = 0; i < kInputs; ++i) x[i] = vec(inputs[i] + d);
#pragma GCC unroll 6
    for (int t = 0; t < kTile; ++t) {
      Vec y = vec(outputs[t] + d);
      if (kInputs > 1) EMBKIT_HOLD(y);
#pragma GCC unroll 2
      for (int i = 0; i < kInputs; ++i) sums[i][t] += x[i] * y;
    }
  }
  const Vec row0 = gather4(sums[0][0], sums[0][1], sums[0][2], sums[0][3]);
  const Vec row1 =
      kInputs > 1 ? gather4(sums[1][0], sums[1][1], sums[1][2], sums[1][3]) : Vec{};
  const Vec rest = kTile > 4 ? gather4(sums[0][4], sums[0][5], sums[1][4], sums[1][5]) : Vec{};
  return fold(row0, row1, rest);
}

EMBKIT_INLINE void store(const Pair& pair, float* out) {
#pragma GCC unroll 4
  for (int part = 0; part < kPairVecs; ++part) vec(out + part * kLanes) = pair.part[part];
}

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA

#include "simd/step_goal.h"

namespace embkit::simd::EMBKIT_ISA {
namespace {

// Where a tile's gradient of the input rows goes: to the row where there is one tile; else from
// the first tile on to `gradients`, and with the last to the row. So every tile sees the row as
// it was before the step.
enum Stage { kOnly, kFirst, kMiddle, kLast };

// Columns of vectors that update_rows takes at a time, as far as the registers reach.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kColumns = 2;
#else
constexpr int kColumns = 1;
#endif

// kWide columns of a tile's rows, and what they gain.
template <int kTile, int kWide>
struct Columns {
  Vec y[kTile][kWide];
  Vec delta[kTile][kWide];
};

template <Stage kStage, int kRow, int kTile, int kWide>
EMBKIT_INLINE void update_row(float* input, float* gradient, Columns<kTile, kWide>& outputs,
                              const float* steps) {
  constexpr bool kIsLast = kStage == kOnly || kStage == kLast;
  Vec x[kWide], sum[kWide];
#pragma GCC unroll 2
  for (int c = 0; c < kWide; ++c) {
    x[c] = vec(input + c * kLanes);
    sum[c] = kStage == kOnly ? x[c] : Vec{};
    if (kStage == kMiddle) sum[c] = vec(gradient + c * kLanes);
    if (kStage == kLast) sum[c] = x[c] + vec(gradient + c * kLanes);
  }
#pragma GCC unroll 6
  for (int t = 0; t < kTile; ++t) {
    const Vec s = splat(steps[place(kRow, t)]);
#pragma GCC unroll 2
    for (int c = 0; c < kWide; ++c) {
      sum[c] += s * outputs.y[t][c];
      outputs.delta[t][c] += s * x[c];
    }
  }
#pragma GCC unroll 2
  for (int c = 0; c < kWide; ++c) vec((kIsLast ? input : gradient) + c * kLanes) = sum[c];
}

// Adds the steps to both sides of kWide columns from `d` on. Output deltas start from zero and
// are added to the row as it is at the end, so that a row that stands twice among the outputs
// gets both.
template <Stage kStage, int kTile, int kWide>
EMBKIT_INLINE void update_columns(const Step& step, float* const* rows, const float* steps,
                                  float* gradient, int d) {
  const int stride = step.stride, num_inputs = step.num_inputs;
  float* const* const inputs = step.inputs;
  Columns<kTile, kWide> outputs;
#pragma GCC unroll 6
  for (int t = 0; t < kTile; ++t) {
#pragma GCC unroll 2
    for (int c = 0; c < kWide; ++c) {
      outputs.y[t][c] = vec(rows[t] + d + c * kLanes);
      outputs.delta[t][c] = Vec{};
    }
  }
  int i = 0;
  for (; i + 2 <= num_inputs; i += 2, gradient += 2 * stride, steps += kPair) {
    update_row<kStage, 0>(inputs[i] + d, gradient, outputs, steps);
    update_row<kStage, 1>(inputs[i + 1] + d, gradient + stride, outputs, steps);
  }
  if (i < num_inputs) update_row<kStage, 0>(inputs[i] + d, gradient, outputs, steps);
#pragma GCC unroll 6
  for (int t = 0; t < kTile; ++t) {
#pragma GCC unroll 2
    for (int c = 0; c < kWide; ++c) vec(rows[t] + d + c * kLanes) += outputs.delta[t][c];
  }
}

// Of the rows that are coming, those that one tile asks for.
struct Coming {
  const float* const* rows;
  int count;

  EMBKIT_INLINE Coming(const Step& step, int first, int size)
      : rows(step.coming), count(step.num_coming) {
    if (size == step.num_outputs) return;
    const int begin = count * first / step.num_outputs;
    count = count * (first + size) / step.num_outputs - begin;
    rows += begin;
  }

  // Asks for the lines that hold `floats` floats from `d` on, to write: a line that another
  // core has is then fetched once, not to be read first and to be written afterwards.
  EMBKIT_INLINE void prefetch(int d, int floats) const {
    constexpr int kLine = 16;
    for (const int end = d + floats; d < end; d += kLanes) {
      if (d % kLine != 0) continue;
      for (int i = 0; i < count; ++i) __builtin_prefetch(rows[i] + d, 1, 3);
    }
  }
};

template <Stage kStage, int kTile>
EMBKIT_INLINE void update_rows(const Step& step, float* const* rows, const float* steps,
                               float* gradients, const Coming& coming) {
  constexpr int kCount = kColumns * kLanes;
  int d = 0;
  for (; d + kCount <= step.stride; d += kCount) {
    coming.prefetch(d, kCount);
    update_columns<kStage, kTile, kColumns>(step, rows, steps, gradients + d, d);
  }
  if (kColumns > 1 && d < step.stride) {
    coming.prefetch(d, kLanes);
    update_columns<kStage, kTile, 1>(step, rows, steps, gradients + d, d);
  }
}

// One tile for the one input row of CBOW: the gradient goes to `gradient`, not to the row.
template <int kTile>
EMBKIT_INLINE void update_outputs(const Step& step, const float* input, float* gradient,
                                  int first) {
  float* const* outputs = step.outputs + first;
  const Coming coming(step, first, kTile);
  Vec s[kTile];
#pragma GCC unroll 6
  for (int t = 0; t < kTile; ++t) s[t] = splat(step.scratch[place(0, t)]);
  for (int d = 0; d < step.stride; d += kLanes) {
    coming.prefetch(d, kLanes);
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

// Copies `count` input rows' logits of one tile to where the caller wants them.
template <int kTile>
EMBKIT_INLINE void copy_logits(const Step& step, const Pair& logits, int first_input, int count,
                               int first_output) {
  alignas(64) float both[kPair];
  store(logits, both);
  for (int i = 0; i < count; ++i) {
    float* out = step.logits + (first_input + i) * step.num_outputs + first_output;
    for (int t = 0; t < kTile; ++t) out[t] = both[place(i, t)];
  }
}

template <bool kIsCorrected>
struct WindowTile {
  const Step& step;

  template <int kInputs, int kTile>
  EMBKIT_INLINE void find_steps(int input, int first,
                                const Goal<kIsCorrected, kTile>& goal) const {
    const Pair logits = goal.logits(
        dot_rows<kInputs, kTile>(step.inputs + input, step.outputs + first, step.stride));
    if (step.logits != nullptr) copy_logits<kTile>(step, logits, input, kInputs, first);
    store(goal.steps(logits), step.scratch + input / 2 * kPair);
  }

  template <int kTile>
  EMBKIT_INLINE void tile(int first) const {
    const Goal<kIsCorrected, kTile> goal(step, first);
    int i = 0;
    for (; i + 2 <= step.num_inputs; i += 2) find_steps<2, kTile>(i, first, goal);
    if (i < step.num_inputs) find_steps<1, kTile>(i, first, goal);
    float* const* outputs = step.outputs + first;
    float* gradients = step.scratch + (step.num_inputs + 1) / 2 * kPair;
    const Coming coming(step, first, kTile);
    const bool is_last = first + kTile == step.num_outputs;
    if (first == 0) {
      if (is_last) {
        update_rows<kOnly, kTile>(step, outputs, step.scratch, gradients, coming);
      } else {
        update_rows<kFirst, kTile>(step, outputs, step.scratch, gradients, coming);
      }
    } else if (is_last) {
      update_rows<kLast, kTile>(step, outputs, step.scratch, gradients, coming);
    } else {
      update_rows<kMiddle, kTile>(step, outputs, step.scratch, gradients, coming);
    }
  }
};

template <bool kIsCorrected>
struct CbowTile {
  const Step& step;
  const float* input;
  float* gradient;

  template <int kTile>
  EMBKIT_INLINE void tile(int first) const {
    float* const* outputs = step.outputs + first;
    const Goal<kIsCorrected, kTile> goal(step, first);
    const Pair logits = goal.logits(dot_rows<1, kTile>(&input, outputs, step.stride));
    if (step.logits != nullptr) copy_logits<kTile>(step, logits, 0, 1, first);
    store(goal.steps(logits), step.scratch);
    update_outputs<kTile>(step, input, gradient, first);
  }
};

// Functions of their own, so that neither kind of step spills the other's registers.
template <bool kIsCorrected>
__attribute__((noinline)) void train_window_tiles(const Step& step) {
  for_each_tile(step.num_outputs, WindowTile<kIsCorrected>{step});
}

template <bool kIsCorrected>
__attribute__((noinline)) void train_cbow_tiles(const Step& step) {
  float* input = step.scratch + kPair;
  float* gradient = input + step.stride;
  const Vec scale = splat(step.scale);
  for (int d = 0; d < step.stride; d += kLanes) {
    Vec sum = vec(step.inputs[0] + d);
    for (int i = 1; i < step.num_inputs; ++i) sum += vec(step.inputs[i] + d);
    vec(input + d) = scale * sum;
    vec(gradient + d) = Vec{};
  }
  for_each_tile(step.num_outputs, CbowTile<kIsCorrected>{step, input, gradient});
  for (int i = 0; i < step.num_inputs; ++i) {
    float* row = step.inputs[i];
    for (int d = 0; d < step.stride; d += kLanes) vec(row + d) += vec(gradient + d);
  }
}

void train_window(const Step& step) {
  step.offsets == nullptr ? train_window_tiles<false>(step) : train_window_tiles<true>(step);
}

void train_cbow(const Step& step) {
  step.offsets == nullptr ? train_cbow_tiles<false>(step) : train_cbow_tiles<true>(step);
}

void exchange(float* shared, float* mine, float* base, size_t count) {
  for (size_t d = 0; d < count; d += kLanes) {
    const Vec sum = vec(shared + d) + (vec(mine + d) - vec(base + d));
    vec(shared + d) = vec(mine + d) = vec(base + d) = sum;
  }
}

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA

#include "simd/glove_kernel.h"
#include "simd/sparse_kernel.h"

namespace embkit::simd::EMBKIT_ISA {

#define EMBKIT_NAME(x) #x
#define EMBKIT_NAME_OF(x) EMBKIT_NAME(x)

const Kernels& table() {
  static constexpr Kernels kernels = {EMBKIT_NAME_OF(EMBKIT_ISA),
                                      &train_window,
                                      &train_cbow,
                                      &exchange,
                                      &train_glove,
                                      &multiply_sparse};
  return kernels;
}

}  // namespace embkit::simd::EMBKIT_ISA
