#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/errors.h"
#include "io/byte_source.h"
#include "io/word_vectors.h"

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

constexpr uint64_t kMemory = uint64_t{1} << 20;  // larger blocks cost more than the reading

// Hands bytes out in pieces of at most `piece`, as a pipe would.
class PieceSource : public ByteSource {
 public:
  PieceSource(std::string_view bytes, size_t piece) : bytes_(bytes), piece_(piece) {}

  size_t read(char* out, size_t capacity) override {
    const size_t count = std::min({capacity, piece_, bytes_.size()});
    std::memcpy(out, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  size_t piece_;
};

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

inline void check_table(const WordVectors& table) {
  EMBKIT_PROMISE(table.offsets.front() == 0 && table.offsets.back() == table.words.size());
  EMBKIT_PROMISE(std::is_sorted(table.offsets.begin(), table.offsets.end()));
}

}  // namespace embkit::fuzz
