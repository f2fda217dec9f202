#pragma once

#include <cstdint>
#include <cstring>

namespace embkit {

// Tokens are separated by space, tab, LF, VT, FF and CR, and by nothing else; LF also ends a
// sentence.
inline bool is_separator(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == ' ' || static_cast<unsigned char>(byte - '\t') <= '\r' - '\t';
}

inline uint64_t load8(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// The high bit of each byte that is at most 0x20, the only ones that may be separators; exact
// for every byte, since no sum carries into the next.
inline uint64_t low_bytes(uint64_t word) {
  constexpr uint64_t kHigh = 0x8080808080808080u;
  return ~(((word & ~kHigh) + 0x5F5F5F5F5F5F5F5Fu) | word) & kHigh;
}

// The first separator at or after `p`. Some separator must follow, and eight more bytes must
// be readable after it.
inline const char* find_separator(const char* p) {
  for (;; p += 8) {
    for (uint64_t low = low_bytes(load8(p)); low != 0; low &= low - 1) {
      const char* const found = p + __builtin_ctzll(low) / 8;
      if (is_separator(*found)) return found;
    }
  }
}

}  // namespace embkit
