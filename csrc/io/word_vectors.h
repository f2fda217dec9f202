#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/word_index.h"
#include "io/byte_budget.h"

namespace embkit {

inline constexpr uint64_t kMaxDim = 1000000;
inline constexpr size_t kMaxWordBytes = size_t{1} << 20;

struct ReadOptions {
  bool lenient = false;  // keep what is provably whole of a broken file
  int64_t limit = -1;    // read only this many rows; -1 reads all
  int threads = 1;
  size_t batch = size_t{4} << 20;  // bytes of text parsed at a time, for each thread
};

// What was found beside words and numbers. Counts are of rows unless they say otherwise.
struct ReadReport {
  int64_t stated_rows = -1;  // by the header; -1 without one
  int64_t words_with_blanks = 0;
  int64_t words_not_utf8 = 0;
  int64_t duplicate_words = 0;  // later rows, left out
  int64_t zero_vectors = 0;
  int64_t blank_lines = 0;
  int64_t crlf_lines = 0;
  int64_t byte_order_mark = 0;
  int64_t newlines_after_rows = 0;  // word2vec binary: 1 where rows end in one
  int64_t skipped_rows = 0;         // lenient: rows left out
  bool reached_end = true;          // false where `limit` stopped the reading
  std::string problem;              // lenient: the first fault, empty without one
};

// Words in row order, each with a row of `dim` floats.
struct WordVectors {
  explicit WordVectors(ByteBudget& budget) : vectors(budget) {}

  uint64_t num_words() const { return offsets.size() - 1; }
  void add_word(std::string_view word) {
    words.insert(words.end(), word.begin(), word.end());
    offsets.push_back(words.size());
  }

  uint64_t dim = 0;
  std::vector<char> words;              // their bytes, one after the other
  std::vector<uint64_t> offsets = {0};  // [num_words + 1], into words
  GrowingFloats vectors;                // [num_words, dim]
  std::optional<WordIndex> index;       // views words and offsets; moves along with them
  ReadReport report;
};

// Leaves rows out and closes the gaps. `dropped` ascends; the index must be built anew.
void drop_rows(WordVectors& table, const std::vector<uint64_t>& dropped);

// Builds the index and drops every row whose word stood in an earlier row; counts words that
// are not UTF-8 and words with blanks. Charges the index to the budget.
void finish(WordVectors& table, ByteBudget& budget);

bool is_zero(const float* row, uint64_t dim);

// Whether all bytes form whole, valid UTF-8 characters.
bool is_utf8(std::string_view text);

// Text from a file, made safe and short for a message: at most 40 characters, others escaped.
std::string quoted(std::string_view text);

}  // namespace embkit
