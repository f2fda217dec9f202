#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/errors.h"

// What every fuzz target needs. A target is one function over arbitrary bytes; it may throw
// nothing and stops the process where a promise is broken.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace embkit::fuzz {

#define EMBKIT_PROMISE(condition)                                                  \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)

// How an input is to be read: its own first byte decides, so that a finding can be replayed.
struct Choices {
  explicit Choices(uint8_t bits) : bits_(bits) {}
  bool next() {
    const bool bit = bits_ & 1;
    bits_ = static_cast<uint8_t>(bits_ >> 1);
    return bit;
  }

 private:
  uint8_t bits_;
};

// An error must say something, in printable bytes, about a place within the file.
inline void check_error(const FormatError& error, size_t size) {
  EMBKIT_PROMISE(!error.reason.empty());
  EMBKIT_PROMISE(error.line > 0 || error.offset >= 0);
  EMBKIT_PROMISE(error.offset <= static_cast<int64_t>(size));
}

}  // namespace embkit::fuzz
