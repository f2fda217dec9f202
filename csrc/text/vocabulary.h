#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/types.h"
#include "core/word_index.h"
#include "text/word_table.h"

namespace embkit {

constexpr WordId kDropped = 0xFFFFFFFFu;  // where a word has no row

// The words kept from several tables, in row order: by count, the largest first, and then by
// their bytes.
struct Vocabulary {
  std::vector<uint8_t> data;
  std::vector<uint64_t> offsets;  // [num_words + 1]
  std::vector<int64_t> counts;
  int64_t num_types = 0;                       // before any word was left out
  std::vector<std::vector<WordId>> row_of_id;  // for each table: id -> row or kDropped
};

// Joins tables (which it empties), keeps words counted at least `min_count` times, and of those
// the first `max_words` in row order. The result does not depend on how words were spread over
// the tables. keep_going is called now and then; it may throw.
Vocabulary select_words(std::vector<WordTable>& tables, int64_t min_count, int64_t max_words,
                        const std::function<void()>& keep_going);

// Joins tables (which it empties) and gives the words that `words` has the rows that it has;
// the others are dropped. The result has counts of the tables, but not the words themselves.
Vocabulary match_words(std::vector<WordTable>& tables, const WordIndex& words,
                       const std::function<void()>& keep_going);

// The `num_words` first words in row order with their counts, whatever their counts are.
std::vector<std::pair<std::string, int64_t>> top_words(const WordTable& table,
                                                       size_t num_words);

}  // namespace embkit
