#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/types.h"

namespace embkit {

// Consecutive rows, one after the other: what is written or spilled at once.
struct CooccurrenceBlock {
  std::vector<uint32_t> row_sizes;
  std::vector<WordId> columns;
  std::vector<uint64_t> sums;

  void clear() {
    row_sizes.clear();
    columns.clear();
    sums.clear();
  }
};

// The sums of one row, held for all columns at once; empty between rows. Column `num_columns`
// takes what belongs nowhere.
class CooccurrenceRow {
 public:
  explicit CooccurrenceRow(Index num_columns);

  // Adds weights[i] to columns[i]; no weight is 0. With kChecked, throws std::overflow_error
  // where a sum passes kMostSum; without, the caller knows that none does.
  template <bool kChecked>
  void add(const WordId* columns, const uint64_t* weights, Index size) {
    size_t touched = num_touched_;
    for (Index i = 0; i < size; ++i) {
      const WordId column = columns[i];
      const uint64_t sum = sums_[column];
      if (kChecked && column == static_cast<WordId>(num_columns_)) continue;
      touched_[touched] = column;  // no branch: it stays only if it is new
      touched += sum == 0;
      if (kChecked && weights[i] > kMostSum - sum) refuse(column);
      sums_[column] = sum + weights[i];
    }
    num_touched_ = touched;
  }

  // Appends the row, its columns rising, to `block` and empties it.
  void take(CooccurrenceBlock& block);

  static constexpr uint64_t kMostSum = (uint64_t{1} << 63) - 1;

 private:
  [[noreturn]] void refuse(WordId column) const;
  void sort_touched();

  Index num_columns_;
  std::vector<uint64_t> sums_;
  std::vector<WordId> touched_;  // columns whose sum is not 0
  size_t num_touched_ = 0;
  std::vector<uint64_t> bits_;  // of columns, and of words of `bits_`: for sorting
  std::vector<uint64_t> groups_;
};

}  // namespace embkit
