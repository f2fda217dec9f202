#include "io/write_rows.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "io/parse_float.h"
#include "io/text_rows.h"
#include "io/word_vectors.h"

namespace embkit {
namespace {

constexpr size_t kMostDigits = 24;  // a float32 in the fewest digits takes at most 15

#if defined(__cpp_lib_to_chars)
char* format_float(float value, char* out) {
  return std::to_chars(out, out + kMostDigits, value).ptr;
}
#else
float parse_back(const char* text, int length) {
  char line[kMostDigits + 16] = {};
  std::memcpy(line, text, static_cast<size_t>(length));
  line[length] = '\n';
  float value = 0;
  parse_float(line, value);
  return value;
}

// The fewest digits, with an exponent where that is shorter.
char* format_float(float value, char* out) {
  constexpr int kLongest = 64;  // the largest float in full
  char text[2][kLongest];
  for (int precision = 0;; ++precision) {
    int length = std::snprintf(text[0], kLongest, "%.*e", precision, double{value});
    const int exponent = std::atoi(std::strchr(text[0], 'e') + 1);
    const int decimals = precision > exponent ? precision - exponent : 0;
    const int plain = std::snprintf(text[1], kLongest, "%.*f", decimals, double{value});
    const char* const chosen = text[plain <= length];
    length = plain <= length ? plain : length;
    for (int i = 0; i < length; ++i) {  // whatever the locale's point is
      out[i] = std::strchr("0123456789+-e", chosen[i]) ? chosen[i] : '.';
    }
    if (parse_back(out, length) == value || precision == 8) return out + length;
  }
}
#endif

[[noreturn]] void refuse(std::string_view word, const std::string& reason) {
  throw std::invalid_argument("word " + quoted(word) + " cannot be written: " + reason);
}

void check_row(const RowsView& rows, uint64_t row) {
  const std::string_view word = rows.word(row);
  if (word.empty()) refuse(word, "it is empty");
  if (word.size() > kMaxWordBytes) refuse(word, "it is over 1 MiB");
  if (word.find('\n') != word.npos) refuse(word, "it holds a newline");
  const float* vector = rows.vectors + row * rows.dim;
  for (uint64_t i = 0; i < rows.dim; ++i) {
    if (!std::isfinite(vector[i])) refuse(word, "its vector is not finite");
  }
}

// A word with blanks is told from its numbers from the right, so it may not end in a number.
void check_text_word(std::string_view word) {
  if (word.find_first_of(" \t") == word.npos) return;
  if (is_field_blank(word.front()) || is_field_blank(word.back())) {
    refuse(word, "text cannot hold blanks around a word");
  }
  std::string last(word.substr(word.find_last_of(" \t") + 1));
  const size_t length = last.size();
  last += "\n        ";
  float value;
  const ParsedFloat parsed = parse_float(last.data(), value);
  if (parsed.kind != Parsed::kNotNumeric && parsed.end == last.data() + length) {
    refuse(word, "in text its last part would be read as one of its numbers");
  }
}

}  // namespace

std::string format_text_rows(const RowsView& rows) {
  std::string out;
  out.reserve(rows.num_rows * (16 + 12 * rows.dim));
  std::string numbers(rows.dim * (kMostDigits + 1), '\0');
  for (uint64_t row = 0; row < rows.num_rows; ++row) {
    check_row(rows, row);
    check_text_word(rows.word(row));
    out += rows.word(row);
    char* to = numbers.data();
    for (uint64_t i = 0; i < rows.dim; ++i) {
      *to++ = ' ';
      to = format_float(rows.vectors[row * rows.dim + i], to);
    }
    out.append(numbers.data(), to);
    out += '\n';
  }
  return out;
}

std::string pack_binary_rows(const RowsView& rows, bool newline) {
  const size_t bytes = rows.dim * sizeof(float);
  std::string out;
  out.reserve(rows.num_rows * (bytes + 16));
  for (uint64_t row = 0; row < rows.num_rows; ++row) {
    check_row(rows, row);
    const std::string_view word = rows.word(row);
    if (word.find(' ') != word.npos) refuse(word, "word2vec binary cannot hold a blank");
    out += word;
    out += ' ';
    out.append(reinterpret_cast<const char*>(rows.vectors + row * rows.dim), bytes);
    if (newline) out += '\n';
  }
  return out;
}

}  // namespace embkit
