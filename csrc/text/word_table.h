#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/types.h"
#include "text/word_hash.h"

namespace embkit {

// Words (any bytes, from 1 byte to kMaxWord) numbered in the order of their first appearance,
// with 64-bit counts. Open addressing; owns the words' bytes. Not thread-safe.
class WordTable {
 public:
  static constexpr size_t kMaxWord = (size_t{1} << 22) - 1;

  explicit WordTable(HashKey key);

  // The id of a word, which is added with count 0 if it is new. `prefix` holds the word's
  // first eight bytes, zeros beyond its end. Throws ResourceError beyond 2^32 - 2 words.
  WordId find_or_add(const char* word, size_t size, uint64_t prefix, uint64_t hash) {
    for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.size == 0) return add(word, size, prefix, i);
      if (slot.prefix == prefix && slot.size == size && (size <= 8 || rest_equal(slot, word))) {
        return slot.id;
      }
    }
  }
  WordId find_or_add(std::string_view word) {
    return find_or_add(word.data(), word.size(),
                       load_bytes(word.data(), word.size() < 8 ? word.size() : 8),
                       hash_word(key_, word.data(), word.size()));
  }

  HashKey key() const { return key_; }
  int64_t& count(WordId id) { return counts_[id]; }
  int64_t count(WordId id) const { return counts_[id]; }
  size_t num_words() const { return counts_.size(); }
  std::string_view word(WordId id) const {
    const uint64_t place = places_[id];
    return {bytes_of(place), place & kMaxWord};
  }

 private:
  struct Slot {
    uint64_t prefix;
    uint32_t size;  // 0 where the slot is free
    WordId id;
  };
  static constexpr int kSizeBits = 22;
  static constexpr int kChunkBits = 23;  // 8 MiB; a word lies within one chunk

  const char* bytes_of(uint64_t place) const {
    const uint64_t start = place >> kSizeBits;
    return chunks_[start >> kChunkBits].get() + (start & ((1u << kChunkBits) - 1));
  }
  bool rest_equal(const Slot& slot, const char* word) const {
    return std::memcmp(bytes_of(places_[slot.id]) + 8, word + 8, slot.size - 8) == 0;
  }
  WordId add(const char* word, size_t size, uint64_t prefix, size_t slot);
  void grow();

  HashKey key_;
  size_t mask_;
  std::vector<Slot> slots_;
  std::vector<uint64_t> places_;  // of each word: start << kSizeBits | size
  std::vector<int64_t> counts_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  uint64_t end_ = 0;  // of the bytes in use
};

}  // namespace embkit
