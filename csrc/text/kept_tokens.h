#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/types.h"

namespace embkit {

// An encoded corpus, owned by the caller: the ids of all sentences one after the other.
struct EncodedText {
  const WordId* ids;                 // [num_tokens]
  Index num_tokens;                  // a token's position is its index in ids
  const uint64_t* sentence_offsets;  // [num_sentences + 1], rising from 0 to num_tokens
  Index num_sentences;
};

// Throws std::invalid_argument unless there are ids, all below `num_words`, and the sentences
// cover them in order.
void check_text(const EncodedText& text, size_t num_words);

// Below which draws (of 24 bits) a token of each word is kept: all of them where `subsample`
// is 0, else a share of sqrt(t/f) + t/f (word2vec.c) or of sqrt(t/f) (the paper), f being a
// word's share of all counts.
std::vector<uint32_t> keep_thresholds(const std::vector<int64_t>& counts, double subsample,
                                      bool paper);

// The tokens of positions [begin, end) that survive subsampling, and up to `window` survivors
// to each side where a sentence goes on beyond: every window of the block can be seen whole,
// and what a token meets does not depend on where blocks begin. Refilled for each block; one
// for each thread.
class KeptTokens {
 public:
  // keep_below: [num_words]; a token stays when the high 24 bits of draw 0 are below its entry.
  KeptTokens(const EncodedText& text, const std::vector<uint32_t>& keep_below, int window);

  void fill(Index begin, Index end, const EpochRandom& random);

  struct Token {
    uint64_t state;  // draw 0 of its position
    Index position;  // in the encoded ids
    WordId word;
    uint32_t first;  // its sentence's tokens here: [first, last)
    uint32_t last;
    bool is_center;  // false for those beyond the block
  };
  size_t size() const { return size_; }
  // Up to two windows beyond size() there are tokens of no meaning, whose words exist.
  const Token& operator[](size_t i) const { return tokens_[i]; }

 private:
  void add_range(Index begin, Index end, const EpochRandom& random, bool is_center);
  void add_before(Index begin, Index sentence_begin, const EpochRandom& random);
  void add_after(Index end, Index sentence_end, const EpochRandom& random);

  // Which draws keep a word. Words from `tail` on, the rare ones, have the same entry, so that
  // those that differ stay in the fastest cache.
  struct Rule {
    const uint32_t* keep_below;
    WordId tail;
    bool keeps(WordId word, uint64_t state) const {
      return (state >> 40) < keep_below[word < tail ? word : tail];
    }
  };

  EncodedText text_;
  Rule rule_;
  int window_;
  size_t size_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace embkit
