// Every kernel as the plainest loop over relaxed atomic floats: the trainers built with this
// table have no data race by the letter of the language, and do the same work. Linked instead
// of csrc/simd/kernels_*.cpp.

#include <algorithm>
#include <cmath>
#include <vector>

#include "simd/kernels.h"

namespace embkit::simd {
namespace {

float load(const float* p) {
  float value;
  __atomic_load(p, &value, __ATOMIC_RELAXED);
  return value;
}

void store(float* p, float value) { __atomic_store(p, &value, __ATOMIC_RELAXED); }

void add(float* p, float more) { store(p, load(p) + more); }

double dot(const float* x, const float* y, int stride) {
  double sum = 0;
  for (int d = 0; d < stride; ++d) sum += static_cast<double>(load(x + d)) * load(y + d);
  return sum;
}

float step_of(const Step& step, double logit, int output) {
  const double probability = 1 / (1 + std::exp(-logit));
  const float weight = step.weights != nullptr ? step.weights[output] : 1;
  return static_cast<float>(weight * step.learning_rate * (step.labels[output] - probability));
}

// Some of a step's outputs, which move together after all of them were looked at.
struct Tile {
  int first;
  int size;
};

std::vector<Tile> tiles_of(const Step& step) {
  std::vector<Tile> tiles;
  for (int first = 0, left = (step.num_outputs + kMaxTile - 1) / kMaxTile; left > 0; --left) {
    tiles.push_back({first, (step.num_outputs - first + left - 1) / left});
    first += tiles.back().size;
  }
  return tiles;
}

// The learning rate times the errors of `inputs` against a tile: [input][output].
std::vector<float> find_steps(const Step& step, const std::vector<const float*>& inputs,
                              Tile tile) {
  std::vector<float> steps;
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (int o = tile.first; o < tile.first + tile.size; ++o) {
      double logit = dot(inputs[i], step.outputs[o], step.stride);
      if (step.offsets != nullptr) logit -= step.offsets[o] + step.offset;
      if (step.logits != nullptr) {
        step.logits[i * static_cast<size_t>(step.num_outputs) + static_cast<size_t>(o)] =
            static_cast<float>(logit);
      }
      steps.push_back(step_of(step, logit, o));
    }
  }
  return steps;
}

// Column d of the rows: what each input gains from the tile is added to gains[i * stride + d],
// and goes to its row where `moves_inputs`; then the outputs move.
void update_column(const Step& step, const std::vector<float*>& inputs, Tile tile,
                   const std::vector<float>& steps, float* gains, bool moves_inputs) {
  const auto size = static_cast<size_t>(tile.size);
  float y[kMaxTile] = {}, delta[kMaxTile] = {};
  for (size_t t = 0; t < size; ++t) y[t] = load(step.outputs[tile.first + static_cast<int>(t)]);
  for (size_t i = 0; i < inputs.size(); ++i) {
    float& gain = gains[i * static_cast<size_t>(step.stride)];
    const float x = load(inputs[i]);
    for (size_t t = 0; t < size; ++t) {
      gain += steps[i * size + t] * y[t];
      delta[t] += steps[i * size + t] * x;
    }
    if (moves_inputs) store(inputs[i], x + gain);
  }
  for (size_t t = 0; t < size; ++t)
    add(step.outputs[tile.first + static_cast<int>(t)], delta[t]);
}

// The same for every column, one after the other.
void update_tile(const Step& step, std::vector<float*> inputs, Tile tile,
                 const std::vector<float>& steps, float* gains, bool moves_inputs) {
  std::vector<float*> outputs(step.outputs, step.outputs + step.num_outputs);
  Step column = step;
  for (int d = 0; d < step.stride; ++d) {
    column.outputs = outputs.data();
    update_column(column, inputs, tile, steps, gains + d, moves_inputs);
    for (float*& input : inputs) ++input;
    for (float*& output : outputs) ++output;
  }
}

void train_window(const Step& step) {
  const std::vector<float*> inputs(step.inputs, step.inputs + step.num_inputs);
  const std::vector<const float*> seen(inputs.begin(), inputs.end());
  std::vector<float> gains(inputs.size() * static_cast<size_t>(step.stride));
  for (const Tile tile : tiles_of(step)) {
    const bool is_last = tile.first + tile.size == step.num_outputs;
    update_tile(step, inputs, tile, find_steps(step, seen, tile), gains.data(), is_last);
  }
}

void train_cbow(const Step& step) {
  const auto stride = static_cast<size_t>(step.stride);
  std::vector<float> sum(stride), gains(stride);
  for (int i = 0; i < step.num_inputs; ++i) {
    for (size_t d = 0; d < stride; ++d) sum[d] += step.scale * load(step.inputs[i] + d);
  }
  for (const Tile tile : tiles_of(step)) {
    const std::vector<float> steps = find_steps(step, {sum.data()}, tile);
    update_tile(step, {sum.data()}, tile, steps, gains.data(), false);
  }
  for (int i = 0; i < step.num_inputs; ++i) {
    for (size_t d = 0; d < stride; ++d) add(step.inputs[i] + d, gains[d]);
  }
}

void exchange(float* shared, float* mine, float* base, size_t count) {
  for (size_t d = 0; d < count; ++d) {
    const float sum = load(shared + d) + (mine[d] - base[d]);
    store(shared + d, sum);
    mine[d] = base[d] = sum;
  }
}

float limited(float x, float clip) { return std::min(std::max(x, -clip), clip); }

void move(float* value, float* square, float gradient, float rate) {
  const float change = gradient * rate;
  const float old = load(square);
  add(value, -change / std::sqrt(old));
  store(square, old + change * change);
}

double train_glove(const GloveStep& step) {
  const size_t stride = step.stride;
  double cost = 0;
  for (size_t i = 0; i < step.num_cells; ++i) {
    const GloveCell cell = step.cells[i];
    float* const row = step.rows + cell.row * 2 * stride;
    float* const column = step.columns + cell.column * 2 * stride;
    const double difference = dot(row, column, static_cast<int>(stride)) - cell.log_value;
    const auto factor = static_cast<float>(cell.weight * difference);
    cost += 0.5 * factor * difference;
    for (size_t d = 0; d < stride; ++d) {
      const bool is_row_bias = d == stride - 2, is_column_bias = d == stride - 1;
      const float row_rate = is_row_bias      ? step.bias_rate
                             : is_column_bias ? 0
                                              : step.learning_rate;
      const float column_rate = is_column_bias ? step.bias_rate
                                : is_row_bias  ? 0
                                               : step.learning_rate;
      const float x = load(row + d), y = load(column + d);
      move(row + d, row + stride + d, limited(y * factor, step.clip), row_rate);
      move(column + d, column + stride + d, limited(x * factor, step.clip), column_rate);
    }
  }
  return cost;
}

// Touches no shared row: each row of the product is one thread's.
void multiply_sparse(const SparseRows& rows, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    float* const out = rows.out + row * rows.width;
    std::fill(out, out + rows.width, 0.0F);
    for (int64_t entry = rows.row_offsets[row]; entry < rows.row_offsets[row + 1]; ++entry) {
      const float* const dense = rows.dense + rows.columns[entry] * rows.width;
      for (int64_t d = 0; d < rows.width; ++d) out[d] += rows.values[entry] * dense[d];
    }
  }
}

constexpr Kernels kTable = {"relaxed", &train_window, &train_cbow,
                            &exchange, &train_glove,  &multiply_sparse};

}  // namespace

namespace baseline {
const Kernels& table() { return kTable; }
}  // namespace baseline
namespace avx2 {
const Kernels& table() { return kTable; }
}  // namespace avx2
namespace avx512 {
const Kernels& table() { return kTable; }
}  // namespace avx512
namespace neon {
const Kernels& table() { return kTable; }
}  // namespace neon

}  // namespace embkit::simd
