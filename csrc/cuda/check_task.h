#pragma once

#include <stdexcept>
#include <string>

#include "cuda/word2vec.h"

namespace embkit::cuda {

inline void check_range(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) {
    throw std::invalid_argument(std::string(name) + " must be from " + std::to_string(least) +
                                " to " + std::to_string(most) + ", got " +
                                std::to_string(value));
  }
}

// What a launch of any kernel demands of a task's sizes.
inline void check_sizes(const TrainTask& task) {
  check_range("dim", task.dim, 1, kMaxDim);
  check_range("stride", task.stride, task.dim, kMaxDim);
  if (task.stride % kRowAlignment != 0) {
    throw std::invalid_argument("stride must be a multiple of 8, got " +
                                std::to_string(task.stride));
  }
  check_range("window", task.window, 1, kMaxWindow);
  check_range("negatives", task.negatives, 1, kMaxNegatives);
  check_range("num_words", task.num_words, 1, kSentenceStart - 1);
  if (task.sharing == Sharing::kBlock) {
    check_range("block_size", task.block_size, 1, int64_t{1} << 20);
    check_range("block_negatives", task.block_negatives, 1, kMaxBlockNegatives);
  }
}

// Which sharing a method has.
inline void check_method(const TrainTask& task, bool is_cbow) {
  if (is_cbow && task.sharing != Sharing::kWindow) {
    throw std::invalid_argument("negative_sharing must be window with CBOW on a GPU");
  }
}

// And of its range and memory.
inline void check_task(const TrainTask& task, size_t workspace_bytes) {
  check_sizes(task);
  check_range("begin", task.begin, task.ids_position, task.ids_position + task.num_ids);
  check_range("end", task.end, task.begin, task.ids_position + task.num_ids);
  check_range("num_tokens", task.num_tokens, task.end, INT64_MAX);
  check_range("epoch", task.epoch, 0, task.epochs - 1);
  if (task.workspace == nullptr && workspace_bytes > 0) {
    throw std::invalid_argument("workspace must have " + std::to_string(workspace_bytes) +
                                " bytes, got none");
  }
}

}  // namespace embkit::cuda
