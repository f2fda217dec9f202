#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/types.h"

namespace embkit {

// One slot of an alias table: plain data, so that a GPU can hold the same table.
struct AliasSlot {
  uint32_t keep;  // the slot's own id is drawn where 32 random bits are below this,
  WordId alias;   // and this id otherwise
};

EMBKIT_HOST_DEVICE inline WordId sample_alias(const AliasSlot* slots, uint32_t size,
                                              uint64_t draw) {
  const WordId id = below(draw, size);
  const AliasSlot slot = slots[id];
  return static_cast<uint32_t>(draw) < slot.keep ? id : slot.alias;
}

// Draws word ids in proportion to fixed weights, in constant time (Walker 1977; Vose 1991).
// Immutable: threads share one table freely.
class AliasTable {
 public:
  // Throws std::invalid_argument unless every weight is finite and non-negative, at least one
  // is positive, and there are fewer than 2^32.
  explicit AliasTable(const std::vector<double>& weights);

  WordId sample(uint64_t draw) const {
    return sample_alias(slots_.data(), static_cast<uint32_t>(slots_.size()), draw);
  }
  // Brings what sample(draw) will read nearer.
  void prefetch(uint64_t draw) const {
    __builtin_prefetch(&slots_[below(draw, static_cast<uint32_t>(slots_.size()))]);
  }
  const std::vector<AliasSlot>& slots() const { return slots_; }

 private:
  std::vector<AliasSlot> slots_;
};

}  // namespace embkit
