#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/types.h"
#include "core/word_hash.h"

namespace embkit {

// Words (any bytes, from 1 byte to kMaxWord) numbered in the order of their first appearance,
// with 64-bit counts. Open addressing; owns the words' bytes. Not thread-safe.
class WordTable {
 public:
  static constexpr size_t kMaxWord = (size_t{1} << 22) - 1;

  explicit WordTable(HashKey key);

  // The id of a word, which is added with count 0 if it is new; `more` is added to its count.
  // Throws ResourceError beyond 2^32 - 2 words.
  WordId add(const HashedWord& word, int64_t more) {
    for (size_t i = word.hash & mask_;; i = (i + 1) & mask_) {
      Slot& slot = slots_[i];
      if (slot.first == word.first && slot.second == word.second && slot.size == word.size &&
          (slot.size <= 16 || rest_equal(slot, word))) {
        slot.count += more;
        return slot.id;
      }
      if (slot.size == 0) return insert(word, more, i);
    }
  }

  // Brings the word's slot nearer, ahead of add().
  void prefetch(const HashedWord& word) const {
    __builtin_prefetch(&slots_[word.hash & mask_], 1);
  }

  HashKey key() const { return key_; }
  size_t num_words() const { return places_.size(); }
  std::vector<int64_t> counts() const;  // of each id
  std::string_view word(WordId id) const {
    const uint64_t place = places_[id];
    return {bytes_of(place), place & kMaxWord};
  }

 private:
  struct Slot {
    uint64_t first;
    uint64_t second;
    int64_t count;
    uint32_t size;  // 0 where the slot is free
    WordId id;
  };
  static constexpr int kSizeBits = 22;
  static constexpr int kChunkBits = 23;  // 8 MiB; a word lies within one chunk

  const char* bytes_of(uint64_t place) const {
    const uint64_t start = place >> kSizeBits;
    return chunks_[start >> kChunkBits].get() + (start & ((1u << kChunkBits) - 1));
  }
  bool rest_equal(const Slot& slot, const HashedWord& word) const {
    return std::memcmp(bytes_of(places_[slot.id]) + 16, word.bytes + 16, word.size - 16) == 0;
  }
  WordId insert(const HashedWord& word, int64_t count, size_t slot);
  void grow();

  HashKey key_;
  size_t mask_;
  std::vector<Slot> slots_;
  std::vector<uint64_t> places_;  // of each word: start << kSizeBits | size
  std::vector<std::unique_ptr<char[]>> chunks_;
  uint64_t end_ = 0;  // of the bytes in use
};

}  // namespace embkit
