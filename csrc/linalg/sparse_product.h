#pragma once

#include <cstdint>

#include "core/types.h"

namespace embkit {

// A sparse matrix in compressed rows: the entries of row r are those from row_offsets[r] up to
// row_offsets[r + 1]. Owns nothing; check() is what makes it safe to read.
struct CsrView {
  const int64_t* row_offsets;  // [num_rows + 1]
  const int32_t* columns;      // [num_entries]
  const float* values;         // [num_entries]
  Index num_rows;
  Index num_columns;
  Index num_entries;

  // Throws std::invalid_argument, naming the place, unless the offsets rise from 0 to the
  // number of entries and every column is one of the matrix.
  void check() const;
};

// out = matrix x dense, with dense [num_columns x width] and out [num_rows x width]. Each row
// is summed by one thread in the order of its entries, so the same bits come out for any
// number of threads.
void sparse_product(const CsrView& matrix, const float* dense, Index width, int num_threads,
                    float* out);

// Writes the transposed matrix: row_offsets [num_columns + 1], columns and values
// [num_entries], columns rising in each row.
void sparse_transpose(const CsrView& matrix, int num_threads, int64_t* row_offsets,
                      int32_t* columns, float* values);

}  // namespace embkit
