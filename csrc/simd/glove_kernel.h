// GloVe's step (Pennington, Socher and Manning 2014). A part of kernels_impl.h, under its
// rules.

namespace embkit::simd::EMBKIT_ISA {
namespace {

constexpr size_t kGloveLine = 16;  // floats; the last line of the values has the biases
constexpr int kGloveParts = static_cast<int>(kGloveLine) / kLanes;
constexpr size_t kGloveAhead = 2;  // cells between the prefetch of a row and its use

EMBKIT_INLINE float sum_lanes(Vec v) {
#if EMBKIT_VECTOR_BYTES == 64
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
#elif EMBKIT_VECTOR_BYTES == 32
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
#endif
  return (v[0] + v[1]) + (v[2] + v[3]);
}

EMBKIT_INLINE float dot_row(const float* x, const float* y, size_t stride) {
  Vec even = {}, odd = {};
  size_t d = 0;
  for (; d + 2 * kLanes <= stride; d += 2 * kLanes) {
    even += vec(x + d) * vec(y + d);
    odd += vec(x + d + kLanes) * vec(y + d + kLanes);
  }
  if (d < stride) even += vec(x + d) * vec(y + d);
  return sum_lanes(even + odd);
}

// 1 / sqrt(x) for positive x, relative error below 1e-6. From multiplications alone: a division
// and a root take several times as long, and the processor's own estimates differ by maker.
EMBKIT_INLINE Vec inverse_root(Vec x) {
  // Half the exponent, negated, gives 3% at worst; the cubic is the best one for that range.
  const IntVec guess = 0x5f340000 - (reinterpret_cast<const IntVec&>(x) >> 1);
  const Vec y = reinterpret_cast<const Vec&>(guess);
  const Vec h = x * y * y;
  const Vec p = ((h * -0.35016057f + 1.42488225f) * h - 2.29924411f) * h + 2.22452274f;
  return y * p;
}

EMBKIT_INLINE Vec limited(Vec x, Vec limit) {
  x = x > limit ? limit : x;
  return x < -limit ? -limit : x;
}

// What the gradient of a vector's elements is multiplied by, and the most that may come out.
struct GloveRate {
  Vec factor;
  Vec limit;
};

// One vector of a row and of a column. Both gradients are taken before either side moves.
EMBKIT_INLINE void update_cell(float* row, float* column, size_t stride,
                               const GloveRate& row_rate, const GloveRate& column_rate) {
  const Vec x = vec(row), y = vec(column);
  const Vec x_squares = vec(row + stride), y_squares = vec(column + stride);
  const Vec x_step = limited(y * row_rate.factor, row_rate.limit);
  const Vec y_step = limited(x * column_rate.factor, column_rate.limit);
  vec(row) = x - x_step * inverse_root(x_squares);
  vec(column) = y - y_step * inverse_root(y_squares);
  vec(row + stride) = x_squares + x_step * x_step;
  vec(column + stride) = y_squares + y_step * y_step;
}

// The rows of a cell, and those of a cell to come: fetched line by line as the others are
// worked on, since a burst of fetches would wait for itself.
struct GloveRows {
  float* row;
  float* column;
  const float* next_row;
  const float* next_column;
};

EMBKIT_INLINE void update_line(const GloveRows& at, size_t d, size_t stride,
                               const GloveRate* row_rates, const GloveRate* column_rates) {
  __builtin_prefetch(at.next_row + d, 1, 3);
  __builtin_prefetch(at.next_row + stride + d, 1, 3);
  __builtin_prefetch(at.next_column + d, 1, 3);
  __builtin_prefetch(at.next_column + stride + d, 1, 3);
#pragma GCC unroll 4
  for (int part = 0; part < kGloveParts; ++part) {
    update_cell(at.row + d + part * kLanes, at.column + d + part * kLanes, stride,
                row_rates[part], column_rates[part]);
  }
}

// The rates of the last line's lanes: that of the side's own bias, and none where the other
// side's bias meets its 1.
struct GloveLastLine {
  alignas(64) float row[kGloveLine];
  alignas(64) float column[kGloveLine];
};

// Trains one cell and returns its cost before.
EMBKIT_INLINE double train_cell(const GloveStep& step, const GloveLastLine& lanes,
                                const GloveCell& cell, const GloveRows& at) {
  const size_t stride = step.stride, last = stride - kGloveLine;
  const float difference = dot_row(at.row, at.column, stride) - cell.log_value;
  const float factor = cell.weight * difference;
  const GloveRate rate = {splat(factor * step.learning_rate),
                          splat(step.clip * step.learning_rate)};
  GloveRate rates[kGloveParts], row_rates[kGloveParts], column_rates[kGloveParts];
#pragma GCC unroll 4
  for (int part = 0; part < kGloveParts; ++part) {
    const Vec row_lanes = vec(lanes.row + part * kLanes);
    const Vec column_lanes = vec(lanes.column + part * kLanes);
    rates[part] = rate;
    row_rates[part] = {factor * row_lanes, step.clip * row_lanes};
    column_rates[part] = {factor * column_lanes, step.clip * column_lanes};
  }
  for (size_t d = 0; d < last; d += kGloveLine) update_line(at, d, stride, rates, rates);
  update_line(at, last, stride, row_rates, column_rates);
  return 0.5 * static_cast<double>(factor) * static_cast<double>(difference);
}

double train_glove(const GloveStep& step) {
  const size_t length = 2 * step.stride;
  GloveLastLine lanes;
  for (size_t lane = 0; lane < kGloveLine; ++lane) {
    lanes.row[lane] = lanes.column[lane] = step.learning_rate;
  }
  lanes.row[kGloveLine - 2] = lanes.column[kGloveLine - 1] = step.bias_rate;
  lanes.row[kGloveLine - 1] = lanes.column[kGloveLine - 2] = 0;
  double cost = 0;
  for (size_t i = 0; i < step.num_cells; ++i) {
    const GloveCell cell = step.cells[i];
    const GloveCell next = step.cells[i + kGloveAhead < step.num_cells ? i + kGloveAhead : i];
    cost += train_cell(step, lanes, cell,
                       {step.rows + cell.row * length, step.columns + cell.column * length,
                        step.rows + next.row * length, step.columns + next.column * length});
  }
  return cost;
}

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA
