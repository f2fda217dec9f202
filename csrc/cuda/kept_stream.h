#pragma once

#include <cstdint>

#include "core/random.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

// Kept tokens of a warp, in shared memory: number i is at i modulo kSize, a power of two. That
// is room for one centre with its window, and for what is read at once.
template <int kSize>
struct KeptTokens {
  static_assert(kSize >= 2 * kMaxWindow + 1 + kWarpSize);
  uint64_t state[kSize];  // draw 0 of the position
  uint32_t word[kSize];
  int32_t offset[kSize];     // of the position from the range's first
  uint32_t sentence[kSize];  // counted from where the stream begins
};
using KeptStorage = KeptTokens<64>;

// The tokens of positions [begin, end) that survive subsampling, and up to `window` survivors
// to each side where the sentence goes on beyond: what text/kept_tokens.h holds of a block,
// read 32 positions at a time. All lanes hold the same values.
template <typename Warp, int kStreamSize = 64>
class KeptStream {
 public:
  EMBKIT_HOST_DEVICE KeptStream(const TrainTask& task, KeptTokens<kStreamSize>& storage)
      : task_(task),
        storage_(storage),
        random_(task.seed, static_cast<uint64_t>(task.first_epoch + task.epoch)) {}

  // Returns the number of the first kept token that is not before `begin`.
  EMBKIT_HOST_DEVICE int start(Warp& warp, Index begin, Index end) {
    begin_ = begin;
    end_ = end;
    size_ = 0;
    sentence_ = 0;
    beyond_ = 0;
    is_done_ = false;
    next_ = begin;
    return find_before(warp);
  }

  // Reads on until `count` tokens are there, or all are. Tokens up to kSize - 32 before
  // the last stay.
  EMBKIT_HOST_DEVICE void fill(Warp& warp, int count) {
    while (size_ < count && !is_done_) read(warp);
  }

  EMBKIT_HOST_DEVICE int size() const { return size_; }
  EMBKIT_HOST_DEVICE bool is_center(int i) const {
    return i < size_ && begin_ + offset(i) < end_;
  }
  EMBKIT_HOST_DEVICE uint64_t state(int i) const {
    return storage_.state[i & (kStreamSize - 1)];
  }
  EMBKIT_HOST_DEVICE uint32_t word(int i) const { return storage_.word[i & (kStreamSize - 1)]; }
  EMBKIT_HOST_DEVICE int32_t offset(int i) const {
    return storage_.offset[i & (kStreamSize - 1)];
  }
  EMBKIT_HOST_DEVICE uint32_t sentence(int i) const {
    return storage_.sentence[i & (kStreamSize - 1)];
  }

 private:
  struct Token {
    uint64_t state;
    uint32_t word;
    bool is_first;
    bool is_kept;
  };

  EMBKIT_HOST_DEVICE bool holds(Index position) const {
    return position >= task_.ids_position && position < task_.ids_position + task_.num_ids;
  }

  EMBKIT_HOST_DEVICE Token token(Index position) const {
    if (!holds(position)) return {0, 0, false, false};
    const uint32_t id = task_.ids[position - task_.ids_position];
    const uint32_t word = id & ~kSentenceStart;
    const uint64_t state = random_.at(static_cast<uint64_t>(position));
    return {state, word, (id & kSentenceStart) != 0, (state >> 40) < task_.keep_below[word]};
  }

  // Moves `next_` back to the earliest context that the first centre can have.
  EMBKIT_HOST_DEVICE int find_before(Warp& warp) {
    int found = 0;
    bool is_inside =
        holds(begin_) && (task_.ids[begin_ - task_.ids_position] & kSentenceStart) == 0;
    for (Index last = begin_ - 1; is_inside && found < task_.window; last -= kWarpSize) {
      const Index position = last - warp.lane();
      const Token mine = token(position);
      const uint32_t starts = warp.ballot(mine.is_first || !holds(position));
      uint32_t kept = warp.ballot(mine.is_kept);
      if (starts != 0) {  // lane 0 is the nearest
        kept &= bits_below(lowest_bit(starts) + 1);
        is_inside = false;
      }
      for (; kept != 0 && found < task_.window; kept &= kept - 1, ++found) {
        next_ = last - lowest_bit(kept);
      }
    }
    return found;
  }

  EMBKIT_HOST_DEVICE void read(Warp& warp) {
    const int lane = warp.lane();
    const Index position = next_ + lane;
    const Token mine = token(position);
    const uint32_t starts = warp.ballot(mine.is_first);
    uint32_t kept = warp.ballot(mine.is_kept);
    const uint32_t beyond = ~bits_below(end_ > next_ ? clip(end_ - next_) : 0);
    if ((starts & beyond) != 0) {  // the last centre's sentence ends
      kept &= bits_below(lowest_bit(starts & beyond));
      is_done_ = true;
    }
    beyond_ += count_bits(kept & beyond);
    if (beyond_ >= task_.window || !holds(next_ + kWarpSize)) is_done_ = true;
    if ((kept >> lane & 1) != 0) {
      const int i = (size_ + count_bits(kept & bits_below(lane))) & (kStreamSize - 1);
      storage_.state[i] = mine.state;
      storage_.word[i] = mine.word;
      storage_.offset[i] = static_cast<int32_t>(position - begin_);
      storage_.sentence[i] =
          sentence_ + static_cast<uint32_t>(count_bits(starts & bits_below(lane + 1)));
    }
    size_ += count_bits(kept);
    sentence_ += static_cast<uint32_t>(count_bits(starts));
    next_ += kWarpSize;
    warp.sync();
  }

  EMBKIT_HOST_DEVICE static int clip(Index count) {
    return count < kWarpSize ? static_cast<int>(count) : kWarpSize;
  }

  const TrainTask& task_;
  KeptTokens<kStreamSize>& storage_;
  EpochRandom random_;
  Index begin_ = 0, end_ = 0;
  Index next_ = 0;  // position to be read next
  int size_ = 0;    // tokens so far
  int beyond_ = 0;  // of them, those past the range
  uint32_t sentence_ = 0;
  bool is_done_ = false;
};

}  // namespace embkit::cuda
