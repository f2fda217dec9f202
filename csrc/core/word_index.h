#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/word_hash.h"

namespace embkit {

// Finds the row of a word among words kept elsewhere, one after the other: `offsets` has
// num_words + 1 entries, places in `data`. Views both and does not own them; takes 11 to
// 22 bytes a word. Of equal words the first is found. Immutable: threads share one freely.
class WordIndex {
 public:
  static constexpr uint64_t kMostWords = 0xFFFFFFFE;

  // Throws std::invalid_argument unless the offsets rise from 0 or above to at most
  // `data_size`, or for more than kMostWords words.
  WordIndex(const char* data, size_t data_size, const uint64_t* offsets, size_t num_words);

  // The memory that an index of so many words takes.
  static uint64_t bytes_for(size_t num_words);

  // The row, or -1.
  int64_t find(std::string_view word) const;

  size_t size() const { return num_words_; }

  // Rows that cannot be found, since an earlier row has the same word; they ascend.
  const std::vector<uint32_t>& duplicates() const { return duplicates_; }

 private:
  struct Slot {
    uint32_t tag;        // high half of the hash
    uint32_t row_after;  // row + 1, or 0 where the slot is free
  };

  std::string_view word(size_t row) const {
    return {data_ + offsets_[row], static_cast<size_t>(offsets_[row + 1] - offsets_[row])};
  }
  uint64_t hash(std::string_view word) const {
    return word.empty() ? 0 : hash_word(key_, word).hash;
  }
  void insert(size_t row, uint64_t hash);
  // The slot that holds the word, or the free one where it belongs.
  size_t find_slot(std::string_view word, uint64_t hash) const;

  const char* data_;
  const uint64_t* offsets_;
  size_t num_words_;
  HashKey key_;
  size_t mask_ = 0;
  std::vector<Slot> slots_;
  std::vector<uint32_t> duplicates_;
};

}  // namespace embkit
