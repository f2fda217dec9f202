#pragma once

#include "cuda/word2vec.h"

namespace embkit::cuda {

// Skip-gram with noise shared by blocks of positions: train_skipgram's part for
// Sharing::kBlock. Throws std::invalid_argument where a tile's rows are more than a block's
// shared memory.
Status train_blocks(const TrainTask& task, Stream stream);

}  // namespace embkit::cuda
