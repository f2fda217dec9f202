#pragma once

#include <cstdint>

#include "cuda/warp.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

EMBKIT_HOST_DEVICE inline int64_t ring_floats(const TrainTask& task) {
  return int64_t{2} * (2 * task.window + 1 + task.prefetch) * task.stride;
}

// The input rows of the kept tokens that windows around the present centre can reach, 2W + 1 at
// most, and with task.prefetch of one more, on its way while the centre is trained: loaded when
// a token comes into reach, trained in place, and what they have gained is added to the matrix
// when it leaves. A word that is there twice has one row, as in the matrix; that row is written
// back and read again whenever one of its tokens leaves, so that none lives longer than its
// tokens would alone.
//
// Slot i has two rows, the value and the value as it was loaded. Lane i knows its word and how
// many tokens share it; lane t % 32 knows the slot of token number t. A lane loads, trains and
// writes back its own columns only.
template <typename Warp, int kBlocks>
class ContextRing {
 public:
  EMBKIT_HOST_DEVICE ContextRing(const TrainTask& task, float* rows)
      : task_(task), rows_(rows) {}

  EMBKIT_HOST_DEVICE float* value(int slot) const {
    return rows_ + static_cast<int64_t>(slot) * (2 * task_.stride);
  }

  // The slot of a token that is in the ring; every lane may ask for another.
  EMBKIT_HOST_DEVICE int slot(Warp& warp, int token) {
    return warp.shuffle(slot_, token & (kWarpSize - 1));
  }

  EMBKIT_HOST_DEVICE void load(Warp& warp, int token, uint32_t word) {
    settle(warp);  // only the last token's row may be on its way
    const uint32_t same = warp.ballot(count_ > 0 && word_ == word);
    const uint32_t free = warp.ballot(count_ == 0);
    const int slot = lowest_bit(same != 0 ? same : free);
    if (warp.lane() == (token & (kWarpSize - 1))) slot_ = slot;
    if (warp.lane() == slot) {
      word_ = word;
      ++count_;
    }
    if (same != 0) return;
    if (!task_.prefetch) return read(warp, slot, word);
    coming_ = slot;
    const float* const row = task_.input + static_cast<int64_t>(word) * task_.stride;
    for_columns<kBlocks>(warp.lane(), task_.stride, [&](int, int column) {
      warp.begin_copy(value(slot) + column, row + column);
    });
  }

  // Waits for the row that is on its way, if any: before its token is used, or leaves.
  EMBKIT_HOST_DEVICE void settle(Warp& warp) {
    if (coming_ < 0) return;
    warp.end_copies();
    float* const value = this->value(coming_);
    for_columns<kBlocks>(warp.lane(), task_.stride, [&](int, int column) {
      at(value + task_.stride, column) = at(value, column);
    });
    coming_ = -1;
  }

  // Writes back the row of a token that leaves.
  EMBKIT_HOST_DEVICE void release(Warp& warp, int token) {
    const int slot = this->slot(warp, token);
    const uint32_t word = warp.shuffle(word_, slot);
    const uint32_t stays = warp.ballot(warp.lane() == slot && count_ > 1);
    if (warp.lane() == slot) --count_;
    write(warp, slot, word);
    if (stays != 0) read(warp, slot, word);
  }

  // Writes back the rows of frequent words and reads them again. Many warps train these at a
  // time: were each to keep its gains until the token leaves, they would sum up to steps that
  // are far too large. No row may be on its way.
  EMBKIT_HOST_DEVICE void share(Warp& warp) {
    uint32_t shared = warp.ballot(count_ > 0 && word_ < task_.shared_words);
    for (; shared != 0; shared &= shared - 1) {
      const int slot = lowest_bit(shared);
      const uint32_t word = warp.shuffle(word_, slot);
      write(warp, slot, word);
      read(warp, slot, word);
    }
  }

 private:
  EMBKIT_HOST_DEVICE static Float4& at(float* row, int column) {
    return *reinterpret_cast<Float4*>(row + column);
  }

  EMBKIT_HOST_DEVICE void write(Warp& warp, int slot, uint32_t word) {
    float* const value = this->value(slot);
    float* const row = task_.input + static_cast<int64_t>(word) * task_.stride;
    for_columns<kBlocks>(warp.lane(), task_.stride, [&](int, int column) {
      const Float4& was = at(value + task_.stride, column);
      warp.add(row + column, at(value, column) - was, task_.updates);
    });
  }

  EMBKIT_HOST_DEVICE void read(Warp& warp, int slot, uint32_t word) {
    float* const value = this->value(slot);
    const float* const row = task_.input + static_cast<int64_t>(word) * task_.stride;
    for_columns<kBlocks>(warp.lane(), task_.stride, [&](int, int column) {
      at(value, column) = at(value + task_.stride, column) = warp.load(row + column);
    });
  }

  const TrainTask& task_;
  float* rows_;
  uint32_t word_ = 0;  // of this lane's slot
  int count_ = 0;      // tokens that share it
  int slot_ = 0;       // of this lane's token
  int coming_ = -1;    // the slot whose row is on its way, the same in every lane
};

}  // namespace embkit::cuda
