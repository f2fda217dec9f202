#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/matrix.h"
#include "simd/kernels.h"

namespace embkit {

// The rows of a matrix of which every thread has a copy of its own: those from `begin` on, and
// after how many uses what a copy has gained is added to the matrix.
struct HotRowPlan {
  Index begin = 0;
  std::vector<uint32_t> limits;
};

struct HotRowRule {
  int num_threads;
  Index stride;
  int most_uses;  // of all threads together, between two exchanges of a row
  bool are_last;  // the rows that are used most are the last ones of their matrix
};

// Plans copies of the rows that are used most, the first ones of a matrix or the last ones.
// `uses`: how often each is used in a whole run by all threads. No copy misses more than a
// share of them, nor more than the rule allows.
HotRowPlan plan_hot_rows(const std::vector<double>& uses, const HotRowRule& rule);

// A thread's own copy of some rows of a matrix that all threads train. Rows that many windows
// meet, such as those of frequent words or the top of a Huffman tree, would otherwise travel
// from core to core with every step.
class HotRows {
 public:
  // `shared` must outlive this.
  HotRows(PaddedMatrix& shared, const HotRowPlan& plan)
      : shared_(shared),
        begin_(plan.begin),
        num_rows_(plan.limits.size()),
        limits_(plan.limits),
        uses_(num_rows_ + 1, kNotTaken),
        mine_(static_cast<Index>(num_rows_), shared.dim()),
        base_(static_cast<Index>(num_rows_), shared.dim()),
        data_{shared.data(), mine_.data()},
        first_{0, begin_} {
    limits_.push_back(std::numeric_limits<uint32_t>::max());  // of all that have no copy
  }

  // Counts a use that is to come, and adds the rows that it will touch to `coming`.
  void announce(Index row, std::vector<const float*>& coming) {
    if (num_rows_ == 0) return coming.push_back(shared_.row(row));
    const size_t i = index_of(row);
    coming.push_back(find(row, i));
    if (++uses_[i] != limits_[i] || i == num_rows_) return;
    coming.push_back(shared_.row(row));
    coming.push_back(base_.row(static_cast<Index>(i)));
  }

  // Counts a use to come of a row that needs no asking for.
  void count(Index row) {
    if (num_rows_ > 0) ++uses_[index_of(row)];
  }

  bool has_copies() const { return num_rows_ > 0; }

  // The row to train.
  float* use(Index row) {
    if (num_rows_ == 0) return shared_.row(row);
    const size_t i = index_of(row);
    if (uses_[i] >= limits_[i]) {
      exchange(i);
      uses_[i] = 0;
    }
    return find(row, i);
  }

  // Adds what all copies have gained.
  void exchange() {
    for (size_t i = 0; i < num_rows_; ++i) {
      if (uses_[i] < kNotTaken) exchange(i);
    }
  }

 private:
  // From here on: of a row that was not used yet, whose copy is not taken. (Taken at once, a
  // thread that starts late would put rows back which others have trained meanwhile.)
  static constexpr uint32_t kNotTaken = uint32_t{1} << 31;

  size_t index_of(Index row) const {
    return std::min(static_cast<size_t>(row - begin_), num_rows_);  // wraps around below begin_
  }

  // Without a branch: which of the next rows have copies cannot be foretold.
  float* find(Index row, size_t i) const {
    const bool has_copy = i < num_rows_;
    return data_[has_copy] + (row - first_[has_copy]) * shared_.stride();
  }

  void exchange(size_t i) {
    if (i == num_rows_) return;
    const auto row = static_cast<Index>(i);
    simd::kernels().exchange(shared_.row(begin_ + row), mine_.row(row), base_.row(row),
                             static_cast<size_t>(mine_.stride()));
  }

  PaddedMatrix& shared_;
  Index begin_;
  size_t num_rows_;
  std::vector<uint32_t> limits_;
  std::vector<uint32_t> uses_;  // of each copy since its last exchange
  PaddedMatrix mine_;
  PaddedMatrix base_;
  float* data_[2];  // of rows without a copy, and of copies
  Index first_[2];
};

}  // namespace embkit
