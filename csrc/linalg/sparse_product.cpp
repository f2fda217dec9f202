#include "linalg/sparse_product.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "linalg/ranges.h"
#include "simd/kernels.h"

namespace embkit {
namespace {

// The first row that begins at or behind the given share of all entries, so that parts are of
// equal work: rows of frequent words are thousands of times longer than others.
Index row_at(const CsrView& matrix, Index part, Index num_parts) {
  if (part == num_parts) return matrix.num_rows;
  const int64_t entry = matrix.num_entries / num_parts * part;
  const int64_t* const end = matrix.row_offsets + matrix.num_rows;
  return std::lower_bound(matrix.row_offsets, end, entry) - matrix.row_offsets;
}

}  // namespace

void CsrView::check() const {
  if (row_offsets[0] != 0 || row_offsets[num_rows] != num_entries) {
    throw std::invalid_argument("row offsets must go from 0 to " + std::to_string(num_entries) +
                                ", got " + std::to_string(row_offsets[0]) + " to " +
                                std::to_string(row_offsets[num_rows]));
  }
  for (Index row = 0; row < num_rows; ++row) {
    if (row_offsets[row + 1] < row_offsets[row]) {
      throw std::invalid_argument("row offsets must not descend, but do behind row " +
                                  std::to_string(row));
    }
  }
  for (Index entry = 0; entry < num_entries; ++entry) {
    if (columns[entry] < 0 || columns[entry] >= num_columns) {
      throw std::invalid_argument(
          "columns must be from 0 to " + std::to_string(num_columns - 1) + ", got " +
          std::to_string(columns[entry]) + " at entry " + std::to_string(entry));
    }
  }
}

void sparse_product(const CsrView& matrix, const float* dense, Index width, int num_threads,
                    float* out) {
  std::vector<int64_t> next(static_cast<size_t>(matrix.num_rows));
  const simd::SparseRows rows{
      matrix.row_offsets, matrix.columns,  matrix.values,      dense, out,
      next.data(),        matrix.num_rows, matrix.num_columns, width};
  const simd::Kernels& kernels = simd::kernels();
  const Index parts = std::max<Index>(1, std::min<Index>(num_threads, matrix.num_rows));
  run_ranges(parts, num_threads, [&](Index begin, Index end) {
    kernels.multiply_sparse(rows, row_at(matrix, begin, parts), row_at(matrix, end, parts));
  });
}

void sparse_transpose(const CsrView& matrix, int num_threads, int64_t* row_offsets,
                      int32_t* columns, float* values) {
  std::fill_n(row_offsets, matrix.num_columns + 1, 0);
  for (Index entry = 0; entry < matrix.num_entries; ++entry) {
    ++row_offsets[matrix.columns[entry] + 1];
  }
  for (Index column = 0; column < matrix.num_columns; ++column) {
    row_offsets[column + 1] += row_offsets[column];
  }
  // Each thread reads everything and writes a range of columns, which it advances as it goes.
  std::vector<int64_t> next(row_offsets, row_offsets + matrix.num_columns);
  run_ranges(matrix.num_columns, num_threads, [&](Index begin, Index end) {
    for (Index row = 0; row < matrix.num_rows; ++row) {
      for (int64_t e = matrix.row_offsets[row]; e < matrix.row_offsets[row + 1]; ++e) {
        const Index column = matrix.columns[e];
        if (column < begin || column >= end) continue;
        const int64_t place = next[static_cast<size_t>(column)]++;
        columns[place] = static_cast<int32_t>(row);
        values[place] = matrix.values[e];
      }
    }
  });
}

}  // namespace embkit
