#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"
#include "core/word_index.h"

namespace embkit {

// Pairs of neighbours that become one word, with their scores. Immutable; threads share it.
class PairTable {
 public:
  struct Pair {
    WordId left;
    WordId right;
    WordId joined;
    float score;
  };

  // Throws std::invalid_argument for a pair given twice.
  explicit PairTable(const std::vector<Pair>& pairs);

  // The pair of two neighbours, or null.
  const Pair* find(WordId left, WordId right) const;

 private:
  size_t slot_of(WordId left, WordId right) const;

  std::vector<Pair> pairs_;
  std::vector<uint32_t> slots_;  // place in pairs_ + 1, or 0 where the slot is free
  size_t mask_ = 0;
};

// A word, or several neighbours that were joined.
struct Unit {
  WordId id;
  uint32_t first;  // token of the sentence with which it begins
};

enum class Segmentation {
  kGreedy,   // from left to right, whatever follows
  kOptimal,  // the greatest sum of scores; of equal ones that with the earlier pairs
};

// Joins neighbours of one sentence, each unit with one other at most.
void join_pairs(const PairTable& pairs, Segmentation segmentation, std::vector<Unit>& units);

// Joins words of a text, pass after pass. Views the words. Immutable; threads share it.
class PhraseJoiner {
 public:
  PhraseJoiner(const WordIndex& words, std::vector<PairTable> passes, Segmentation segmentation,
               std::string delimiter)
      : words_(words),
        passes_(std::move(passes)),
        segmentation_(segmentation),
        delimiter_(std::move(delimiter)) {}

  // With which token each unit of a sentence begins; ids may be those of no word.
  std::vector<uint32_t> segment(const std::vector<WordId>& ids) const;

  // The lines of `text`, their tokens parted by one blank, or by the delimiter where they are
  // joined. Each line ends in a newline.
  std::string join(std::string_view text) const;

 private:
  const WordIndex& words_;
  std::vector<PairTable> passes_;
  Segmentation segmentation_;
  std::string delimiter_;
};

}  // namespace embkit
