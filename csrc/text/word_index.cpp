#include "text/word_index.h"

#include <stdexcept>
#include <string>

namespace embkit {
namespace {

void check(const uint64_t* offsets, size_t num_words, size_t data_size) {
  if (num_words > 0xFFFFFFFEu) {
    throw std::invalid_argument("words must be fewer than 2^32 - 1, got " +
                                std::to_string(num_words));
  }
  for (size_t row = 0; row < num_words; ++row) {
    if (offsets[row] > offsets[row + 1]) {
      throw std::invalid_argument("word offsets must not fall, got " +
                                  std::to_string(offsets[row + 1]) + " after " +
                                  std::to_string(offsets[row]));
    }
  }
  if (offsets[num_words] > data_size) {
    throw std::invalid_argument("word offsets must be at most " + std::to_string(data_size) +
                                ", got " + std::to_string(offsets[num_words]));
  }
}

}  // namespace

WordIndex::WordIndex(const char* data, size_t data_size, const uint64_t* offsets,
                     size_t num_words)
    : data_(data), offsets_(offsets), num_words_(num_words), key_(random_hash_key()) {
  check(offsets, num_words, data_size);
  size_t num_slots = 16;
  while (3 * num_slots < 4 * num_words) num_slots *= 2;  // at most three quarters are taken
  mask_ = num_slots - 1;
  slots_.resize(num_slots);
  for (size_t row = 0; row < num_words; ++row) {
    const uint64_t hash = this->hash(word(row));
    Slot& slot = slots_[find_slot(word(row), hash)];
    if (slot.row_after != 0) {
      ++num_duplicates_;
    } else {
      slot = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(row + 1)};
    }
  }
}

size_t WordIndex::find_slot(std::string_view word, uint64_t hash) const {
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
    const Slot& slot = slots_[i];
    if (slot.row_after == 0) return i;
    if (slot.tag == tag && this->word(slot.row_after - 1) == word) return i;
  }
}

int64_t WordIndex::find(std::string_view word) const {
  return static_cast<int64_t>(slots_[find_slot(word, hash(word))].row_after) - 1;
}

}  // namespace embkit
