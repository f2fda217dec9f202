#include "text/cooccurrence_row.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace embkit {
namespace {

constexpr size_t kFewColumns = 48;  // up to here comparisons sort faster than bits

size_t words_of_bits(size_t bits) { return (bits + 63) / 64; }

}  // namespace

CooccurrenceRow::CooccurrenceRow(Index num_columns)
    : num_columns_(num_columns),
      sums_(static_cast<size_t>(num_columns) + 1),
      touched_(static_cast<size_t>(num_columns) + 2),
      bits_(words_of_bits(static_cast<size_t>(num_columns) + 1)),
      groups_(words_of_bits(bits_.size())) {}

void CooccurrenceRow::take(CooccurrenceBlock& block) {
  const auto nowhere = static_cast<size_t>(num_columns_);
  sort_touched();
  if (num_touched_ > 0 && touched_[num_touched_ - 1] == nowhere) --num_touched_;
  sums_[nowhere] = 0;
  const size_t first = block.columns.size();
  block.row_sizes.push_back(static_cast<uint32_t>(num_touched_));
  block.columns.insert(block.columns.end(), touched_.begin(),
                       touched_.begin() + static_cast<std::ptrdiff_t>(num_touched_));
  block.sums.resize(first + num_touched_);
  for (size_t i = 0; i < num_touched_; ++i) {
    block.sums[first + i] = sums_[touched_[i]];
    sums_[touched_[i]] = 0;
  }
  num_touched_ = 0;
}

void CooccurrenceRow::sort_touched() {
  const auto begin = touched_.begin();
  if (num_touched_ < kFewColumns + groups_.size() / 2) {
    std::sort(begin, begin + static_cast<std::ptrdiff_t>(num_touched_));
    return;
  }
  for (size_t i = 0; i < num_touched_; ++i) {
    const size_t word = touched_[i] / 64;
    bits_[word] |= uint64_t{1} << (touched_[i] % 64);
    groups_[word / 64] |= uint64_t{1} << (word % 64);
  }
  auto out = begin;
  for (size_t group = 0; group < groups_.size(); ++group) {
    for (; groups_[group] != 0; groups_[group] &= groups_[group] - 1) {
      const size_t word = group * 64 + static_cast<size_t>(__builtin_ctzll(groups_[group]));
      for (; bits_[word] != 0; bits_[word] &= bits_[word] - 1) {
        *out++ =
            static_cast<WordId>(word * 64) + static_cast<WordId>(__builtin_ctzll(bits_[word]));
      }
    }
  }
}

void CooccurrenceRow::refuse(WordId column) const {
  throw std::overflow_error("a sum of weights must be below 2^31, column " +
                            std::to_string(column) + " has more");
}

}  // namespace embkit
