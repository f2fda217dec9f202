#pragma once

#include <algorithm>
#include <stdexcept>

#include "cuda/batch_step.h"
#include "cuda/check_task.h"

namespace embkit::cuda {

constexpr Index kMaxBatchTokens = 1 << 16;

// Where the parts of a batch lie in the workspace.
struct BatchLayout {
  BatchStorage batch;
  uint32_t* entries;         // [count]: 0, 1, ...
  uint32_t* sorted_keys;     // [count]
  uint32_t* sorted_entries;  // [count]
  void* sorting;             // [sorting_bytes]
  int64_t count;             // gains of a batch
  size_t bytes;              // of all

  // With a null task.workspace only `bytes` and `count` mean something.
  BatchLayout(const TrainTask& task, bool is_cbow, Index batch_tokens, size_t sorting_bytes) {
    const auto spare = spare_floats(task, is_cbow);
    batch.num_gains = num_gains(task);
    count = batch_tokens * batch.num_gains;
    auto* const base = static_cast<unsigned char*>(task.workspace);
    bytes = 0;
    const auto take = [&](auto** part, int64_t number) {
      using Part = std::remove_reference_t<decltype(**part)>;
      *part = base == nullptr ? nullptr : reinterpret_cast<Part*>(base + bytes);
      bytes += (static_cast<size_t>(number) * sizeof(Part) + 255) / 256 * 256;
    };
    take(&batch.gains, count * task.stride);
    take(&batch.spare, batch_tokens * spare);
    take(&batch.keys, count);
    take(&batch.counters, batch_tokens);
    take(&entries, count);
    take(&sorted_keys, count);
    take(&sorted_entries, count);
    unsigned char* rest = nullptr;
    take(&rest, static_cast<int64_t>(sorting_bytes));
    sorting = rest;
  }
};

inline void check_batch(const TrainTask& task, Index batch_tokens) {
  check_sizes(task);
  check_range("batch_tokens", batch_tokens, 1, kMaxBatchTokens);
  if (task.sharing != Sharing::kWindow) {
    throw std::invalid_argument("negative_sharing must be window in deterministic training");
  }
}

// Calls train_batch(begin, end) for each batch that has positions of the task's range.
template <typename TrainBatch>
void for_batches(const TrainTask& task, Index batch_tokens, const TrainBatch& train_batch) {
  for (Index begin = task.begin; begin < task.end;) {
    const Index end = std::min((begin / batch_tokens + 1) * batch_tokens, task.end);
    if (!train_batch(begin, end)) return;
    begin = end;
  }
}

}  // namespace embkit::cuda
