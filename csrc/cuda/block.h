#pragma once

#include "cuda/word2vec.h"

namespace embkit::cuda {

// Skip-gram with noise shared by blocks of positions: train_skipgram's part for
// Sharing::kBlock. Throw std::invalid_argument where a tile's rows are more than a block's
// shared memory.
size_t block_workspace_bytes(const TrainTask& task);
Status train_blocks(const TrainTask& task, Stream stream);

}  // namespace embkit::cuda
