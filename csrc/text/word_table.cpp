#include "text/word_table.h"

#include <cstring>

#include "core/errors.h"

namespace embkit {
namespace {

constexpr size_t kFirstSlots = size_t{1} << 12;
constexpr size_t kMaxWords = 0xFFFFFFFEu;  // the largest id stays free for marks

}  // namespace

WordTable::WordTable(HashKey key) : key_(key), mask_(kFirstSlots - 1), slots_(kFirstSlots) {}

WordId WordTable::add(const char* word, size_t size, uint64_t prefix, size_t slot) {
  if (counts_.size() >= kMaxWords) throw ResourceError("more than 2^32 - 2 different words");
  constexpr uint64_t kChunk = uint64_t{1} << kChunkBits;
  if (chunks_.empty() || (end_ & (kChunk - 1)) + size > kChunk || (end_ & (kChunk - 1)) == 0) {
    end_ = chunks_.size() << kChunkBits;
    chunks_.emplace_back(new char[kChunk]);
  }
  const auto id = static_cast<WordId>(counts_.size());
  places_.push_back(end_ << kSizeBits | size);
  counts_.push_back(0);
  std::memcpy(chunks_.back().get() + (end_ & (kChunk - 1)), word, size);
  end_ += size;
  slots_[slot] = {prefix, static_cast<uint32_t>(size), id};
  if (2 * counts_.size() > slots_.size()) grow();
  return id;
}

void WordTable::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.size == 0) continue;
    const uint64_t hash = slot.size <= 8
                              ? hash_short(key_, slot.prefix, slot.size)
                              : hash_word(key_, bytes_of(places_[slot.id]), slot.size);
    size_t i = hash & mask_;
    while (slots_[i].size != 0) i = (i + 1) & mask_;
    slots_[i] = slot;
  }
}

}  // namespace embkit
