#include "io/text_rows.h"

#include <cstring>

#include "io/parse_float.h"
#include "io/word_vectors.h"

namespace embkit {
namespace {

struct RowFault {
  const char* where;
  std::string reason;
};

// A line of exactly one word and `dim` numbers, found without a look ahead for its end. Returns
// its newline; null leaves the line to parse_any_row.
const char* parse_plain_row(const char* p, uint64_t dim, float* out, std::string_view& word) {
  const char* const start = p;
  while (!is_field_blank(*p) && *p != '\n') ++p;
  word = {start, static_cast<size_t>(p - start)};
  if (word.empty()) return nullptr;
  for (uint64_t i = 0; i < dim; ++i) {
    if (!is_field_blank(*p)) return nullptr;
    ParsedFloat parsed = parse_float(++p, out[i]);
    if (parsed.kind != Parsed::kNumber) {  // perhaps for a second blank, which is rare
      while (is_field_blank(*p)) ++p;
      parsed = parse_float(p, out[i]);
      if (parsed.kind != Parsed::kNumber) return nullptr;
    }
    p = parsed.end;
  }
  while (is_field_blank(*p) || *p == '\r') ++p;
  return *p == '\n' ? p : nullptr;
}

bool is_number(std::string_view field) {
  float value;
  const ParsedFloat parsed = parse_float(field.data(), value);
  return parsed.kind != Parsed::kNotNumeric && parsed.end == field.data() + field.size();
}

bool is_not_finite(std::string_view field) {
  if (field[0] == '-' || field[0] == '+') field.remove_prefix(1);  // no field is empty
  std::string lower;
  for (const char c : field.substr(0, 9)) lower += static_cast<char>(c | 0x20);
  return lower == "nan" || lower == "inf" || lower == "infinity";
}

std::string describe(std::string_view field, Parsed kind, std::string_view word) {
  if (kind == Parsed::kTooLarge) return quoted(field) + " is beyond float32";
  if (is_not_finite(field)) {
    return "the vector of " + quoted(word) + " holds " + quoted(field) +
           ", not a finite number";
  }
  return quoted(field) + " is not a number";
}

std::optional<RowFault> check_width(const std::vector<std::string_view>& fields, uint64_t dim) {
  uint64_t numbers = 0;
  while (numbers < fields.size() && is_number(fields[fields.size() - 1 - numbers])) ++numbers;
  if (fields.size() == dim && numbers == dim) {
    return RowFault{fields[0].data(),
                    "the word is missing before its " + std::to_string(dim) + " numbers"};
  }
  const bool too_few = fields.size() < dim + 1;
  // Whether 'a 1 2' with dim 1 is the word 'a 1' or a row too wide cannot be told.
  const bool too_many = fields.size() > dim + 1 && numbers > dim;
  if (!too_few && !too_many) return std::nullopt;
  const uint64_t found = too_few ? fields.size() - 1 : numbers - (numbers == fields.size());
  return RowFault{fields[0].data(), "expected a word and " + std::to_string(dim) +
                                        " numbers, got " + std::to_string(found)};
}

std::optional<RowFault> parse_any_row(std::string_view line, uint64_t dim, float* out,
                                      std::string_view& word) {
  const std::vector<std::string_view> fields = split_fields(line);
  if (auto fault = check_width(fields, dim)) return fault;
  const size_t first = fields.size() - dim;
  const std::string_view last = fields[first - 1];
  word = {fields[0].data(), static_cast<size_t>(last.data() + last.size() - fields[0].data())};
  for (uint64_t i = 0; i < dim; ++i) {
    const std::string_view field = fields[first + i];
    const ParsedFloat parsed = parse_float(field.data(), out[i]);
    const bool is_whole = parsed.end == field.data() + field.size();
    if (parsed.kind == Parsed::kNumber && is_whole) continue;
    const Parsed kind = is_whole ? parsed.kind : Parsed::kNotNumeric;
    return RowFault{field.data(), describe(field, kind, word)};
  }
  return std::nullopt;
}

}  // namespace

std::string_view trim_end(std::string_view line) {
  while (!line.empty() && (is_field_blank(line.back()) || line.back() == '\r')) {
    line.remove_suffix(1);
  }
  return line;
}

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  size_t begin = 0;
  while ((begin = line.find_first_not_of(" \t", begin)) != line.npos) {
    const size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end;
  }
  return fields;
}

TextRows parse_text_rows(std::string_view lines, uint64_t dim, bool lenient, float* out,
                         uint64_t room) {
  TextRows rows;
  const char* p = lines.data();
  const char* const end = p + lines.size();
  for (; p != end && rows.num_rows() < room; ++rows.num_lines) {
    std::string_view word;
    std::optional<RowFault> fault;
    const char* newline = parse_plain_row(p, dim, out, word);
    if (newline == nullptr) {
      newline = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end - p)));
      const std::string_view text = trim_end({p, static_cast<size_t>(newline - p)});
      if (text.empty()) {
        ++rows.blank_lines;
        word = {};  // of a carriage return alone
      } else {
        fault = parse_any_row(text, dim, out, word);
      }
    }
    rows.crlf_lines += newline != p && newline[-1] == '\r';
    if (word.size() > kMaxWordBytes) fault = RowFault{p, "the word is over 1 MiB"};
    p = newline + 1;
    if (fault) {
      ++rows.skipped_rows;
      if (!rows.fault) {
        rows.fault = {rows.num_lines, fault->where - lines.data(), fault->reason};
      }
      if (!lenient) return rows;
    } else if (!word.empty()) {
      rows.words.insert(rows.words.end(), word.begin(), word.end());
      rows.word_lengths.push_back(static_cast<uint32_t>(word.size()));
      rows.zero_vectors += is_zero(out, dim);
      out += dim;
    }
  }
  rows.size = static_cast<size_t>(p - lines.data());
  return rows;
}

}  // namespace embkit
