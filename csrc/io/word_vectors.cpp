#include "io/word_vectors.h"

#include <algorithm>
#include <cstring>

namespace embkit {
namespace {

std::string_view word_of(const WordVectors& table, uint64_t row) {
  const uint64_t begin = table.offsets[row];
  return {table.words.data() + begin, table.offsets[row + 1] - begin};
}

void build_index(WordVectors& table) {
  table.index.emplace(table.words.data(), table.words.size(), table.offsets.data(),
                      table.num_words());
}

// The usual case, for which the words need not be looked at one by one.
bool are_plain_ascii(const std::vector<char>& words) {
  unsigned char odd = 0;  // the top bit: of a byte from 0x80 on, or of one below '!' less '!'
  for (const char c : words) odd |= static_cast<unsigned char>(c | (c - '!'));
  return odd < 0x80;
}

}  // namespace

void drop_rows(WordVectors& table, const std::vector<uint64_t>& dropped) {
  if (dropped.empty()) return;
  auto next = dropped.begin();
  uint64_t to = *next, bytes = table.offsets[to];
  for (uint64_t from = to; from < table.num_words(); ++from) {
    if (next != dropped.end() && *next == from) {
      ++next;
      continue;
    }
    const uint64_t begin = table.offsets[from];
    const uint64_t length = table.offsets[from + 1] - begin;
    std::memmove(table.words.data() + bytes, table.words.data() + begin, length);
    std::memmove(table.vectors.data() + to * table.dim, table.vectors.data() + from * table.dim,
                 table.dim * sizeof(float));
    table.offsets[to++] = bytes;  // before the offsets still to be read
    bytes += length;
  }
  table.offsets.resize(to + 1);
  table.offsets.back() = bytes;
  table.words.resize(bytes);
  table.vectors.resize(to * table.dim);
}

void finish(WordVectors& table, ByteBudget& budget) {
  if (table.num_words() > WordIndex::kMostWords) {
    throw ResourceError("the file has " + std::to_string(table.num_words()) +
                        " words, of which at most " + std::to_string(WordIndex::kMostWords) +
                        " can be found again");
  }
  budget.charge("the index of words", WordIndex::bytes_for(table.num_words()), 1);
  build_index(table);
  const std::vector<uint32_t>& found = table.index->duplicates();
  const std::vector<uint64_t> later(found.begin(), found.end());
  if (!later.empty()) {
    table.report.duplicate_words = static_cast<int64_t>(later.size());
    drop_rows(table, later);
    build_index(table);
  }
  if (are_plain_ascii(table.words)) return;
  for (uint64_t row = 0; row < table.num_words(); ++row) {
    const std::string_view word = word_of(table, row);
    if (word.find_first_of(" \t") != word.npos) ++table.report.words_with_blanks;
    if (!is_utf8(word)) ++table.report.words_not_utf8;
  }
}

bool is_zero(const float* row, uint64_t dim) {
  return std::all_of(row, row + dim, [](float value) { return value == 0; });
}

// By the table of well-formed sequences of the Unicode standard (3-7).
bool is_utf8(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  size_t i = 0;
  while (i < text.size()) {
    const unsigned lead = at(i);
    if (lead < 0x80) {
      i += 1;
    } else if (lead >= 0xc2 && lead <= 0xdf && continues(i + 1)) {
      i += 2;
    } else if (lead >= 0xe0 && lead <= 0xef &&
               continues(i + 1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) &&
               continues(i + 2)) {
      i += 3;
    } else if (lead >= 0xf0 && lead <= 0xf4 &&
               continues(i + 1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) &&
               continues(i + 2) && continues(i + 3)) {
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

std::string quoted(std::string_view text) {
  constexpr size_t kMost = 40;
  constexpr char kHex[] = "0123456789abcdef";
  std::string shown = "'";
  for (const char c : text) {
    if (shown.size() > kMost - 3) return shown + "...'";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\'' && c != '\\') {
      shown += c;
    } else {
      shown += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return shown + "'";
}

}  // namespace embkit
