#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace embkit {

inline bool is_field_blank(char c) { return c == ' ' || c == '\t'; }

// The line without the blanks and the carriage return at its end.
std::string_view trim_end(std::string_view line);

// The fields between blanks.
std::vector<std::string_view> split_fields(std::string_view line);

// What whole lines of text held, beside the numbers. Rows stand without holes.
struct TextRows {
  struct Fault {
    int64_t line;    // from 0, among these lines
    int64_t offset;  // from the first of their bytes
    std::string reason;
  };

  uint64_t num_rows() const { return word_lengths.size(); }

  std::vector<char> words;  // their bytes, one after the other
  std::vector<uint32_t> word_lengths;
  size_t size = 0;             // bytes of the lines that were parsed
  int64_t num_lines = 0;       // that were parsed
  std::optional<Fault> fault;  // the first one
  int64_t skipped_rows = 0;
  int64_t zero_vectors = 0;
  int64_t blank_lines = 0;
  int64_t crlf_lines = 0;
};

// Parses each line's word and `dim` numbers into `out`, which has room for so many rows, until
// it is full. Numbers are counted from the right: what stands before them is the word, blanks
// included. `lines` ends in a newline, with 8 bytes readable behind it. At a faulty line it
// stops or, if `lenient`, leaves the line out.
TextRows parse_text_rows(std::string_view lines, uint64_t dim, bool lenient, float* out,
                         uint64_t room);

}  // namespace embkit
