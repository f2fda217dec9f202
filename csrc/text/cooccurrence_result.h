#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "text/cooccurrence.h"
#include "text/cooccurrence_row.h"

namespace embkit {

// The files of the result: blocks are written in parallel, each at the place that it has in
// their order. Thread-safe.
class CooccurrenceResult {
 public:
  CooccurrenceResult(const CooccurrenceFiles& files, Index num_rows);

  // Waits until the blocks before have their places, then writes block number `index`, from 0;
  // its sums become the doubles that are written. Returns early where it was stopped.
  void write(size_t index, Index first_row, CooccurrenceBlock& block,
             const std::atomic<bool>& stop);

  std::vector<int64_t> take_row_begins() { return std::move(row_begins_); }

 private:
  int64_t take_place(size_t index, int64_t num_entries, const std::atomic<bool>& stop);

  const CooccurrenceFiles& files_;
  std::vector<int64_t> row_begins_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable turn_taken_;
  size_t turn_ = 0;
  int64_t end_ = 0;
};

}  // namespace embkit
