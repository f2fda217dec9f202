#include "core/word_index.h"

#include <stdexcept>
#include <string>

namespace embkit {
namespace {

void check(const uint64_t* offsets, size_t num_words, size_t data_size) {
  if (num_words > WordIndex::kMostWords) {
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

size_t slots_for(size_t num_words) {
  size_t num_slots = 16;
  while (3 * num_slots < 4 * num_words) num_slots *= 2;  // at most three quarters are taken
  return num_slots;
}

}  // namespace

WordIndex::WordIndex(const char* data, size_t data_size, const uint64_t* offsets,
                     size_t num_words)
    : data_(data), offsets_(offsets), num_words_(num_words), key_(random_hash_key()) {
  check(offsets, num_words, data_size);
  slots_.resize(slots_for(num_words));
  mask_ = slots_.size() - 1;
  constexpr size_t kAhead = 16;  // words whose slots are on their way from memory
  uint64_t hashes[kAhead];
  for (size_t next = 0; next < num_words + kAhead; ++next) {
    uint64_t& hash = hashes[next % kAhead];
    if (next >= kAhead) insert(next - kAhead, hash);
    if (next >= num_words) continue;
    hash = this->hash(word(next));
    __builtin_prefetch(&slots_[hash & mask_], 1);
  }
}

uint64_t WordIndex::bytes_for(size_t num_words) { return slots_for(num_words) * sizeof(Slot); }

void WordIndex::insert(size_t row, uint64_t hash) {
  Slot& slot = slots_[find_slot(word(row), hash)];
  if (slot.row_after != 0) {
    duplicates_.push_back(static_cast<uint32_t>(row));
  } else {
    slot = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(row + 1)};
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
