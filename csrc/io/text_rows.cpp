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

// A line of exactly one word and `dim` numbers; anything else is left to parse_any_row.
bool parse_plain_row(std::string_view line, uint64_t dim, float* out, std::string_view& word) {
  const char* p = line.data();
  const char* const end = p + line.size();  // behind the last number
  while (p != end && !is_field_blank(*p)) ++p;
  word = line.substr(0, static_cast<size_t>(p - line.data()));
  for (uint64_t i = 0; i < dim; ++i) {
    if (p == end) return false;
    while (is_field_blank(*p)) ++p;
    const ParsedFloat parsed = parse_float(p, out[i]);
    p = parsed.end;
    if (parsed.kind != Parsed::kNumber || (p != end && !is_field_blank(*p))) return false;
  }
  return p == end && !word.empty();
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

TextRows parse_text_rows(std::string_view lines, uint64_t dim, bool lenient, float* out) {
  TextRows rows;
  const char* p = lines.data();
  const char* const end = p + lines.size();
  for (int64_t line = 0; p != end; ++line) {
    const auto* newline =
        static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end - p)));
    const std::string_view text = trim_end({p, static_cast<size_t>(newline - p)});
    rows.crlf_lines += newline != p && newline[-1] == '\r';
    p = newline + 1;
    if (text.empty()) {
      ++rows.blank_lines;
      continue;
    }
    std::string_view word;
    std::optional<RowFault> fault;
    if (!parse_plain_row(text, dim, out, word)) fault = parse_any_row(text, dim, out, word);
    if (word.size() > kMaxWordBytes) fault = RowFault{text.data(), "the word is over 1 MiB"};
    if (fault) {
      ++rows.skipped_rows;
      if (!rows.fault) rows.fault = {line, fault->where - lines.data(), fault->reason};
      if (!lenient) return rows;
      continue;
    }
    rows.words.insert(rows.words.end(), word.begin(), word.end());
    rows.word_lengths.push_back(static_cast<uint32_t>(word.size()));
    rows.zero_vectors += is_zero(out, dim);
    out += dim;
  }
  return rows;
}

}  // namespace embkit
