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

// Whether each of the next 64 bytes may follow the three before it (which must be
// readable): whether it continues a sequence just where one is to go on, and not as an overlong
// form, a surrogate, or a code point above 0x10FFFF. Only comparisons of neighbouring bytes, so
// that the compiler makes vectors of them.
bool is_valid64(const char* text) {
  const auto* const p = reinterpret_cast<const unsigned char*>(text);
  unsigned char faults = 0;
  for (std::ptrdiff_t i = 0; i < 64; ++i) {
    const unsigned char c = p[i], before = p[i - 1], before2 = p[i - 2], before3 = p[i - 3];
    const bool goes_on = (before >= 0xC0) | (before2 >= 0xE0) | (before3 >= 0xF0);
    const bool continues = (c & 0xC0) == 0x80;
    const bool is_never = (c == 0) | (c == 0xC0) | (c == 0xC1) | (c >= 0xF5);
    const bool is_low = ((before == 0xE0) & (c < 0xA0)) | ((before == 0xF0) & (c < 0x90));
    const bool is_high = ((before == 0xED) & (c > 0x9F)) | ((before == 0xF4) & (c > 0x8F));
    faults |= static_cast<unsigned char>((goes_on != continues) | is_never | is_low | is_high);
  }
  return faults == 0;
}

// The start of the sequence that goes on beyond p[end], or `end`. What precedes is well-formed.
size_t last_boundary(const char* p, size_t end) {
  for (size_t back = 1; back <= 3; ++back) {
    const auto byte = static_cast<unsigned char>(p[end - back]);
    if (byte >= 0xC0) {
      const size_t size = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
      return size > back ? end - back : end;
    }
  }
  return end;
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
    if (i >= 3 && size - i >= 64 && is_valid64(p + i)) {
      i = last_boundary(p, i + 64);
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
