#pragma once

#include <cstdint>

#include "core/load8.h"

namespace embkit {

// Tokens are separated by space, tab, LF, VT, FF and CR, and by nothing else; LF also ends a
// sentence.
inline bool is_separator(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == ' ' || static_cast<unsigned char>(byte - '\t') <= '\r' - '\t';
}

// The high bit of each byte that is at most 0x20, the only ones that may be separators; exact
// for every byte, since no sum carries into the next.
inline uint64_t low_bytes(uint64_t word) {
  constexpr uint64_t kHigh = 0x8080808080808080u;
  return ~(((word & ~kHigh) + 0x5F5F5F5F5F5F5F5Fu) | word) & kHigh;
}

// A bit for each of the next 64 bytes that is at most 0x20, the lowest for the first.
inline uint64_t find_low_bytes(const char* p) {
  uint64_t mask = 0;
  for (int i = 0; i < 8; ++i) {
    // The product gathers the eight high bits in the top byte.
    const uint64_t gathered = (low_bytes(load8(p + 8 * i)) >> 7) * 0x0102040810204080u >> 56;
    mask |= gathered << (8 * i);
  }
  return mask;
}

}  // namespace embkit
