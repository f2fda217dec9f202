#pragma once

#include <cstddef>
#include <cstdint>

namespace embkit::simd {

// One step of stochastic gradient descent on the logistic loss of a few input rows against a
// few output rows. Rows are 64-byte aligned and `stride` floats long, padding included. A row
// may stand in a list more than once: its changes add up.
//
// Where `offsets` is not null, `offset` and an output's own are taken from the product of the
// rows to make its logit, and its loss counts `weights` times.
struct Step {
  float* const* inputs;   // [num_inputs]
  float* const* outputs;  // [num_outputs]
  const uint8_t* labels;  // [num_outputs], 0 or 1
  int num_inputs;
  int num_outputs;
  int stride;  // a multiple of 16
  float learning_rate;
  float scale;                 // CBOW: the input is this times the sum of the input rows
  float* scratch;              // 64-byte aligned, scratch_floats() long
  float* logits;               // null, or [num_inputs or 1][num_outputs]: the logits seen
  const float* const* coming;  // [num_coming]: rows that later steps need
  int num_coming;
  const float* offsets;  // null, or [num_outputs]
  const float* weights;  // [num_outputs], or null where offsets is
  float offset;
};

constexpr int kMaxTile = 6;  // output rows that one pass holds in registers

// Floats of scratch that a step over at most max_inputs input rows needs: the steps of pairs of
// rows, and the gradients of all of them (CBOW: one row and its gradient).
constexpr size_t scratch_floats(size_t max_inputs, size_t stride) {
  return 8 * (max_inputs + 1) / 16 * 16 + 16 + (max_inputs + 2) * stride;
}

// A cell of a co-occurrence matrix, as GloVe trains it.
struct GloveCell {
  uint32_t row;
  uint32_t column;
  float log_value;
  float weight;
};

// AdaGrad on the weighted least squares of some cells. A row is 2 * stride floats on a 64-byte
// line: `stride` values, and as many sums of squared gradients, all above 0. Behind the vector
// the values end with zeros and two lanes that hold (bias, 1) in a row of `rows` and (1, bias)
// in one of `columns`, so that the dot product has both biases in it.
struct GloveStep {
  const GloveCell* cells;  // [num_cells]
  size_t num_cells;
  float* rows;
  float* columns;
  size_t stride;        // a multiple of 16
  float learning_rate;  // of the vectors
  float bias_rate;      // of the biases
  float clip;           // no element of a gradient goes beyond this, to either side
};

// Rows of a sparse matrix times a dense one. The entries of row r are those from
// row_offsets[r] up to row_offsets[r + 1].
struct SparseRows {
  const int64_t* row_offsets;  // [num_rows + 1]
  const int32_t* columns;
  const float* values;
  const float* dense;  // [num_columns][width]
  float* out;          // [num_rows][width], overwritten
  int64_t* next;       // [num_rows], room to work in: each row's first entry to come
  int64_t num_rows;
  int64_t num_columns;
  int64_t width;
};

// The hot loops, one table for each instruction set. A step takes all logits, and the gradients
// of both sides, from the rows as they are before it; output rows are taken in equal tiles of
// at most kMaxTile. (An input row that stands twice is multiplied into the output rows the
// second time as its first turn left it: an effect of second order in the learning rate.)
// Between its own work a step asks for the rows that are coming, a few lines at a time: all at
// once they would fill the buffers of a core's cache misses, and the step would wait for them.
//
// These functions load and store rows that other threads load and store at the same time,
// without synchronisation: Hogwild (Niu et al. 2011). Lost updates are part of the method. No
// other code touches shared rows.
struct Kernels {
  const char* name;
  // Skip-gram: each input row against each output row.
  void (*train_window)(const Step& step);
  // CBOW: the scaled sum of the input rows against each output row; the input's gradient is
  // added whole to each input row, after all tiles.
  void (*train_cbow)(const Step& step);
  // Adds what `mine` has gained over `base` to `shared`, and takes the sum as both. All are
  // `count` floats, a multiple of 16, on 64-byte lines.
  void (*exchange)(float* shared, float* mine, float* base, size_t count);
  // GloVe: the cells one after the other. Returns the sum of their costs before each step.
  double (*train_glove)(const GloveStep& step);
  // The rows from `begin` up to `end` of the product; each sums its entries in their order.
  void (*multiply_sparse)(const SparseRows& rows, int64_t begin, int64_t end);
};

namespace baseline {
const Kernels& table();
}
namespace avx2 {
const Kernels& table();
}
namespace avx512 {
const Kernels& table();
}
namespace neon {
const Kernels& table();
}

// The table chosen once from the processor's features, or by EMBKIT_SIMD. Throws
// std::invalid_argument where that names a level which this machine lacks.
const Kernels& kernels();

// The table of a level, or null where this machine lacks it.
const Kernels* find_kernels(const char* name);

}  // namespace embkit::simd
