#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/load8.h"

// A keyed hash of a word's bytes: 64 x 64 bit products folded to 64 bits, as in wyhash. Whoever
// does not know the key cannot make words that meet in one slot. Every load is little-endian,
// as all supported processors are.
namespace embkit {

struct HashKey {
  uint64_t a;
  uint64_t b;
};

// A new key from the system's entropy.
HashKey random_hash_key();

inline uint64_t fold(uint64_t x, uint64_t y) {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(x) * y;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// The bytes [p, p + size), size from 1 to 8, as a number; reads no other byte.
inline uint64_t load_bytes(const char* p, size_t size) {
  if (size == 8) return load8(p);
  uint32_t low, high;
  if (size >= 4) {
    std::memcpy(&low, p, 4);
    std::memcpy(&high, p + size - 4, 4);
    return low | static_cast<uint64_t>(high) << (8 * (size - 4));
  }
  const auto byte = [&](size_t i) {
    return static_cast<uint64_t>(static_cast<unsigned char>(p[i])) << (8 * i);
  };
  return byte(0) | byte(size / 2) | byte(size - 1);
}

// A word that is not empty, with what a table needs of it: the first 16 bytes as two numbers,
// zeros beyond the end, and its hash. Does not own the bytes.
struct HashedWord {
  const char* bytes;
  size_t size;
  uint64_t first;
  uint64_t second;
  uint64_t hash;
};

inline uint64_t hash_short(HashKey key, uint64_t first, uint64_t second, size_t size) {
  return fold(first ^ key.a, second ^ (key.b + size));
}

// The same for words of more than 16 bytes, and equal for fewer.
inline uint64_t hash_long(HashKey key, const char* p, size_t size, uint64_t first,
                          uint64_t second) {
  uint64_t state = hash_short(key, first, second, size);
  for (size_t i = 16; i < size; i += 8) {
    const size_t left = size - i;
    state = fold(load_bytes(p + i, left < 8 ? left : 8) ^ key.a, state ^ key.b);
  }
  return state;
}

// Reads no byte beyond the word, which must not be empty.
inline HashedWord hash_word(HashKey key, std::string_view word) {
  const char* const p = word.data();
  const size_t size = word.size();
  const uint64_t first = load_bytes(p, size < 8 ? size : 8);
  const uint64_t second = size <= 8 ? 0 : load_bytes(p + 8, size < 16 ? size - 8 : 8);
  return {p, size, first, second, hash_long(key, p, size, first, second)};
}

// Reads up to 16 bytes from where the word begins, however short it is.
inline HashedWord hash_padded_word(HashKey key, const char* p, size_t size) {
  constexpr uint64_t kAll = ~uint64_t{0};
  static constexpr uint64_t kMasks[17] = {
      0,          kAll >> 56, kAll >> 48, kAll >> 40, kAll >> 32, kAll >> 24,
      kAll >> 16, kAll >> 8,  kAll,       kAll,       kAll,       kAll,
      kAll,       kAll,       kAll,       kAll,       kAll};
  const size_t in_first = size < 16 ? size : 16;
  const size_t in_second = in_first < 8 ? 0 : in_first - 8;
  const uint64_t first = load8(p) & kMasks[in_first];
  const uint64_t second = load8(p + 8) & kMasks[in_second];
  const uint64_t hash = size <= 16 ? hash_short(key, first, second, size)
                                   : hash_long(key, p, size, first, second);
  return {p, size, first, second, hash};
}

}  // namespace embkit
