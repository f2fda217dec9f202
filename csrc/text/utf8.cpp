#include "text/utf8.h"

#include <algorithm>

#include "text/separators.h"

namespace embkit {
namespace {

bool between(char c, unsigned low, unsigned high) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= low && byte <= high;
}

struct Sequence {
  size_t size;  // of a well-formed sequence, or of the maximal part of one
  bool is_valid;
};

// The sequence that a byte of 0x80 or more begins; `left` bytes are readable.
Sequence multibyte(const char* p, size_t left) {
  const auto lead = static_cast<unsigned char>(*p);
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (left < 2 || !between(p[1], low, high)) return {1, false};
  for (size_t i = 2; i < size; ++i) {
    if (i >= left || !between(p[i], 0x80, 0xBF)) return {i, false};
  }
  return {size, true};
}

// Whether the next 64 bytes are all from 1 to 0x7F.
bool is_plain(const char* p) {
  constexpr uint64_t kOnes = 0x0101010101010101u, kHigh = 0x8080808080808080u;
  uint64_t seen = 0, borrowed = 0;
  for (int i = 0; i < 64; i += 8) {
    const uint64_t word = load8(p + i);
    seen |= word;
    borrowed |= word - kOnes;
  }
  return ((seen | borrowed) & kHigh) == 0;
}

// Like is_plain, for eight bytes.
bool is_plain8(const char* p) {
  const uint64_t word = load8(p);
  return ((word | (word - 0x0101010101010101u)) & 0x8080808080808080u) == 0;
}

}  // namespace

size_t find_invalid_utf8(std::string_view text) {
  const char* const p = text.data();
  const size_t size = text.size();
  size_t i = 0;
  while (i < size) {
    if (size - i >= 64 && is_plain(p + i)) {
      i += 64;
      continue;
    }
    const size_t end = std::min(size, i + 64);
    while (i < end) {
      if (size - i >= 8 && is_plain8(p + i)) {
        i += 8;
      } else if (between(p[i], 1, 0x7F)) {
        ++i;
      } else {
        const Sequence next = p[i] == 0 ? Sequence{1, false} : multibyte(p + i, size - i);
        if (!next.is_valid) return i;
        i += next.size;
      }
    }
  }
  return size;
}

int64_t replace_invalid_utf8(std::string_view text, std::vector<char>& out) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  int64_t num_faults = 0;
  for (;;) {
    const size_t fault = find_invalid_utf8(text);
    out.insert(out.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(fault));
    if (fault == text.size()) return num_faults;
    ++num_faults;
    out.insert(out.end(), kReplacement.begin(), kReplacement.end());
    text.remove_prefix(fault);
    text.remove_prefix(text[0] == 0 ? 1 : multibyte(text.data(), text.size()).size);
  }
}

int64_t count_invalid_utf8(std::string_view text) {
  int64_t num_faults = 0;
  for (;;) {
    const size_t fault = find_invalid_utf8(text);
    if (fault == text.size()) return num_faults;
    ++num_faults;
    text.remove_prefix(fault);
    text.remove_prefix(text[0] == 0 ? 1 : multibyte(text.data(), text.size()).size);
  }
}

}  // namespace embkit
