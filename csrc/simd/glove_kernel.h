// GloVe's step (Pennington, Socher and Manning 2014). A part of kernels_impl.h, under its
// rules.

namespace embkit::simd::EMBKIT_ISA {
namespace {

constexpr size_t kGloveLine = 16;  // floats; the last line of the values has the biases
constexpr size_t kGloveAhead = 4;  // cells between the prefetch of a row and its use
constexpr size_t kGloveLast = kGloveLine - 1;

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
  for (size_t d = 0; d < stride; d += kGloveLine) {
#pragma GCC unroll 4
    for (size_t part = 0; part < kGloveLine; part += kLanes) {
      Vec& sum = ((d + part) / kLanes) % 2 == 0 ? even : odd;
      sum += vec(x + d + part) * vec(y + d + part);
    }
  }
  return sum_lanes(even + odd);
}

// 1 / sqrt(x) for positive x, relative error below 3e-7. From multiplications alone: a division
// and a root take several times as long, and the processor's own estimates differ by maker.
EMBKIT_INLINE Vec inverse_root(Vec x) {
  const IntVec guess = 0x5f375a86 - (reinterpret_cast<const IntVec&>(x) >> 1);
  Vec y = reinterpret_cast<const Vec&>(guess);
  const Vec h = x * y * y;
  y *= (h * 0.375f - 1.25f) * h + 1.875f;  // third order: 4e-2 to 2e-5
  return y * (1.5f - 0.5f * x * y * y);    // second order
}

EMBKIT_INLINE Vec limited(Vec x, Vec clip) {
  x = x > clip ? clip : x;
  return x < -clip ? -clip : x;
}

// One vector of a row and of a column. Both gradients are taken before either side moves.
EMBKIT_INLINE void update_cell(float* row, float* column, size_t stride, float factor,
                               Vec row_rate, Vec column_rate, Vec clip) {
  Vec& x = vec(row);
  Vec& y = vec(column);
  Vec& x_squares = vec(row + stride);
  Vec& y_squares = vec(column + stride);
  const Vec x_step = limited(y * factor, clip) * row_rate;
  const Vec y_step = limited(x * factor, clip) * column_rate;
  const Vec old_x_squares = x_squares, old_y_squares = y_squares;
  x -= x_step * inverse_root(old_x_squares);
  y -= y_step * inverse_root(old_y_squares);
  x_squares = old_x_squares + x_step * x_step;
  y_squares = old_y_squares + y_step * y_step;
}

EMBKIT_INLINE void prefetch_row(const float* row, size_t length) {
  for (size_t d = 0; d < length; d += kGloveLine) __builtin_prefetch(row + d, 1, 3);
}

double train_glove(const GloveStep& step) {
  const size_t stride = step.stride, length = 2 * stride;
  const Vec clip = splat(step.clip), rate = splat(step.learning_rate);
  // Rates of the last line: the bias of this side, and nothing for the lane that is always 1.
  alignas(64) float row_rates[kGloveLine], column_rates[kGloveLine];
  for (size_t lane = 0; lane < kGloveLine; ++lane) {
    row_rates[lane] = column_rates[lane] = step.learning_rate;
  }
  row_rates[kGloveLast - 1] = column_rates[kGloveLast] = step.bias_rate;
  row_rates[kGloveLast] = column_rates[kGloveLast - 1] = 0;

  double cost = 0;
  for (size_t i = 0; i < step.num_cells; ++i) {
    const GloveCell cell = step.cells[i];
    if (i + kGloveAhead < step.num_cells) {
      const GloveCell next = step.cells[i + kGloveAhead];
      prefetch_row(step.rows + next.row * length, length);
      prefetch_row(step.columns + next.column * length, length);
    }
    float* const row = step.rows + cell.row * length;
    float* const column = step.columns + cell.column * length;
    const float difference = dot_row(row, column, stride) - cell.log_value;
    const float factor = cell.weight * difference;
    cost += 0.5 * static_cast<double>(factor) * static_cast<double>(difference);
    size_t d = 0;
    for (; d + kGloveLine < stride; d += kLanes) {
      update_cell(row + d, column + d, stride, factor, rate, rate, clip);
    }
    for (size_t lane = 0; d < stride; d += kLanes, lane += kLanes) {
      update_cell(row + d, column + d, stride, factor, vec(row_rates + lane),
                  vec(column_rates + lane), clip);
    }
  }
  return cost;
}

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA
