#pragma once

#include "cuda/word2vec.h"

namespace embkit::cuda {

// What the device reads and adds in a second, rows of `stride` floats each; a row that is added
// to counts once.
struct RowRates {
  double gathered_bytes;
  double scattered_bytes;
  Status status;
};

// Gathers the listed rows (in host memory, below num_words) of a matrix, then adds to them with
// the vector atomics of training; takes the best of `repeats` runs of each. Allocates what it
// needs and waits for the device. Throws std::invalid_argument.
RowRates measure_rows(Index num_words, int stride, const uint32_t* rows, Index count,
                      int repeats);

}  // namespace embkit::cuda
