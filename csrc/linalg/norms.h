#pragma once

#include "core/types.h"

namespace embkit {

// Writes the Euclidean length of each row, summed in double precision in a fixed order.
// norms has room for num_rows. Thread-safe; uses num_threads threads of its own.
void row_norms(const float* rows, Index num_rows, Index dim, int num_threads, double* norms);

// The scalar product, in double and in a fixed order.
double dot(const double* left, const float* right, Index dim);
double dot(const double* left, const double* right, Index dim);

}  // namespace embkit
