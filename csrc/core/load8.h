#pragma once

#include <cstdint>
#include <cstring>

namespace embkit {

// The eight bytes at `p`, which need not be aligned, as a number.
inline uint64_t load8(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

}  // namespace embkit
