#include "core/word_hash.h"

#include <random>

namespace embkit {

HashKey random_hash_key() {
  std::random_device entropy;
  const auto draw = [&] { return static_cast<uint64_t>(entropy()) << 32 | entropy(); };
  return {draw(), draw() | 1};
}

}  // namespace embkit
