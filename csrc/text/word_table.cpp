#include "text/word_table.h"

#include <cstring>

#include "core/errors.h"

namespace embkit {
namespace {

constexpr size_t kFirstSlots = size_t{1} << 12;
constexpr size_t kMaxWords = 0xFFFFFFFEu;  // the largest id stays free for marks

}  // namespace

WordTable::WordTable(HashKey key) : key_(key), mask_(kFirstSlots - 1), slots_(kFirstSlots) {}

WordId WordTable::insert(const HashedWord& word, int64_t count, size_t slot) {
  if (places_.size() >= kMaxWords) throw ResourceError("more than 2^32 - 2 different words");
  constexpr uint64_t kChunk = uint64_t{1} << kChunkBits;
  const uint64_t used = end_ & (kChunk - 1);
  if (used == 0 || used + word.size > kChunk) {
    end_ = chunks_.size() << kChunkBits;
    chunks_.emplace_back(new char[kChunk]);
  }
  const auto id = static_cast<WordId>(places_.size());
  places_.push_back(end_ << kSizeBits | word.size);
  std::memcpy(chunks_.back().get() + (end_ & (kChunk - 1)), word.bytes, word.size);
  end_ += word.size;
  slots_[slot] = {word.first, word.second, count, static_cast<uint32_t>(word.size), id};
  if (8 * places_.size() > 5 * slots_.size()) grow();
  return id;
}

void WordTable::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.size == 0) continue;
    const uint64_t hash = slot.size <= 16 ? hash_short(key_, slot.first, slot.second, slot.size)
                                          : hash_word(key_, word(slot.id)).hash;
    size_t i = hash & mask_;
    while (slots_[i].size != 0) i = (i + 1) & mask_;
    slots_[i] = slot;
  }
}

std::vector<int64_t> WordTable::counts() const {
  std::vector<int64_t> counts(num_words());
  for (const Slot& slot : slots_) {
    if (slot.size != 0) counts[slot.id] = slot.count;
  }
  return counts;
}

}  // namespace embkit
