#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace embkit {

// Some rows to write; owns nothing.
struct RowsView {
  const uint8_t* words;     // all words' bytes
  const uint64_t* offsets;  // [num_rows + 1], into words, ascending
  const float* vectors;     // [num_rows, dim]
  uint64_t num_rows;
  uint64_t dim;

  std::string_view word(uint64_t row) const {
    const char* text = reinterpret_cast<const char*>(words) + offsets[row];
    return {text, static_cast<size_t>(offsets[row + 1] - offsets[row])};
  }
};

// A line per row: the word, and each number in the fewest digits that read back as the same
// float32, in no locale. Throws std::invalid_argument for a number that is not finite and for
// a word that would not be read back as it is.
std::string format_text_rows(const RowsView& rows);

// word2vec binary: word, blank, float32 numbers, and a newline if asked for. Throws as above.
std::string pack_binary_rows(const RowsView& rows, bool newline);

}  // namespace embkit
