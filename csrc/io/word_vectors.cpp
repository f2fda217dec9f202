#include "io/word_vectors.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace embkit {
namespace {

uint64_t random_key() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// Hashes with a key of this process, so that no file can be made to collide on purpose.
class WordHash {
 public:
  WordHash() {
    static const uint64_t key = random_key();  // the system's entropy takes microseconds
    key_ = key;
  }

  uint64_t operator()(std::string_view word) const {
    uint64_t hash = key_ ^ word.size();
    while (!word.empty()) {
      uint64_t piece = 0;
      const size_t taken = std::min(word.size(), sizeof piece);
      std::memcpy(&piece, word.data(), taken);
      word.remove_prefix(taken);
      hash = mix(hash ^ piece) + key_;
    }
    return hash;
  }

 private:
  static uint64_t mix(uint64_t z) {  // the finaliser of SplitMix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  uint64_t key_;
};

std::string_view word_of(const WordVectors& table, uint64_t row) {
  const uint64_t begin = table.offsets[row];
  return {table.words.data() + begin, table.offsets[row + 1] - begin};
}

// The rows to keep, in order, by open addressing. A slot holds the row plus one and the upper
// bits of the word's hash, so that other words are seldom looked at; slots are brought from
// memory some words ahead.
class FirstRows {
 public:
  FirstRows(const WordVectors& table, uint64_t slots) : table_(table), slots_(slots) {}

  std::vector<uint64_t> find() {
    const uint64_t rows = table_.num_words();
    std::vector<uint64_t> kept;
    kept.reserve(rows);
    uint64_t waiting[kAhead];
    for (uint64_t row = 0; row < rows + kAhead; ++row) {
      uint64_t& place = waiting[row % kAhead];
      if (row >= kAhead && is_new(row - kAhead, place)) kept.push_back(row - kAhead);
      if (row >= rows) continue;
      place = hash_(word_of(table_, row));
      __builtin_prefetch(&slots_[place & (slots_.size() - 1)], 1);
    }
    return kept;
  }

 private:
  static constexpr uint64_t kAhead = 16;
  static constexpr uint64_t kRowBits = (uint64_t{1} << 40) - 1;

  bool is_new(uint64_t row, uint64_t hash) {
    const uint64_t tag = hash & ~kRowBits;
    for (uint64_t slot = hash;; ++slot) {
      uint64_t& taken = slots_[slot & (slots_.size() - 1)];
      if (taken == 0) {
        taken = tag | (row + 1);
        return true;
      }
      const bool may_be_same = (taken & ~kRowBits) == tag;
      if (may_be_same && word_of(table_, (taken & kRowBits) - 1) == word_of(table_, row)) {
        return false;
      }
    }
  }

  const WordVectors& table_;
  std::vector<uint64_t> slots_;
  WordHash hash_;
};

std::vector<uint64_t> first_rows(const WordVectors& table, ByteBudget& budget) {
  uint64_t slots = 16;
  while (slots < 2 * table.num_words()) slots *= 2;
  budget.charge("the table of words", slots + table.num_words(), sizeof(uint64_t));
  return FirstRows(table, slots).find();
}

void keep_rows(WordVectors& table, const std::vector<uint64_t>& kept) {
  uint64_t bytes = 0;
  for (uint64_t to = 0; to < kept.size(); ++to) {
    const uint64_t from = kept[to];
    const uint64_t begin = table.offsets[from];
    const uint64_t length = table.offsets[from + 1] - begin;
    std::memmove(table.words.data() + bytes, table.words.data() + begin, length);
    std::memmove(table.vectors.data() + to * table.dim, table.vectors.data() + from * table.dim,
                 table.dim * sizeof(float));
    table.offsets[to] = bytes;  // at or before the offsets still to be read
    bytes += length;
  }
  table.offsets.resize(kept.size() + 1);
  table.offsets.back() = bytes;
  table.words.resize(bytes);
  table.vectors.resize(kept.size() * table.dim);
}

// The usual case, for which the words need not be looked at one by one.
bool are_plain_ascii(const std::vector<char>& words) {
  bool odd = false;
  for (const char c : words) odd |= static_cast<signed char>(c) <= ' ';
  return !odd;
}

}  // namespace

void finish(WordVectors& table, ByteBudget& budget) {
  const std::vector<uint64_t> kept = first_rows(table, budget);
  table.report.duplicate_words = static_cast<int64_t>(table.num_words() - kept.size());
  if (kept.size() < table.num_words()) keep_rows(table, kept);
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
