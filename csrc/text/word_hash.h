#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "text/separators.h"

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

// The low `size` (1 to 8) bytes of a word.
inline uint64_t keep_bytes(uint64_t word, size_t size) {
  return word & (~0ull >> (64 - 8 * size));
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

// The hash of a word of 1 to 8 bytes, given as a number.
inline uint64_t hash_short(HashKey key, uint64_t word, size_t size) {
  return fold(word ^ key.a, key.b ^ size);
}

// The hash of any word that is not empty; equal to hash_short for up to 8 bytes.
inline uint64_t hash_word(HashKey key, const char* p, size_t size) {
  uint64_t state = key.b;
  size_t left = size;
  for (; left > 8; left -= 8, p += 8) state = fold(load8(p) ^ key.a, state);
  return fold(load_bytes(p, left) ^ key.a, state ^ size);
}

}  // namespace embkit
