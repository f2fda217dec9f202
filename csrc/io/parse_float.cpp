#include "io/parse_float.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#if !defined(__cpp_lib_to_chars)
#include <locale.h>
#include <stdlib.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif
#endif

namespace embkit {
namespace {

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kMostDigits = 19;             // that fit 64 bits
constexpr int64_t kMostExponent = 1000000;  // larger ones mean the same

struct Decimal {  // mantissa * 10^exponent
  uint64_t mantissa = 0;
  int64_t exponent = 0;
  int64_t digits = 0;  // significant ones; beyond kMostDigits the mantissa is not exact
  bool negative = false;
};

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// How many of eight bytes are digits before the first that is none.
int leading_digits(uint64_t bytes) {
  const uint64_t others =
      ((bytes + 0x4646464646464646u) | (bytes - 0x3030303030303030u)) & 0x8080808080808080u;
  return others == 0 ? 8 : __builtin_ctzll(others) / 8;
}

// The number that the first `count` of eight bytes spell, from 1 to 8 digits (Lemire 2018,
// "Quickly parsing eight digits"): zeros are put before them.
uint64_t number_of(uint64_t bytes, int count) {
  bytes = (bytes - 0x3030303030303030u) << (64 - 8 * count);
  bytes = (bytes * 10) + (bytes >> 8);
  constexpr uint64_t kMask = 0x000000FF000000FFu;
  return (((bytes & kMask) * 0x000F424000000064u) +
          (((bytes >> 16) & kMask) * 0x0000271000000001u)) >>
         32;
}

const char* scan_digits(const char* p, Decimal& decimal) {
  constexpr uint64_t kPowers[] = {1,      10,      100,      1000,     10000,
                                  100000, 1000000, 10000000, 100000000};
  if (decimal.digits + 8 <= kMostDigits) {
    uint64_t bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    const int count = leading_digits(bytes);
    if (count == 0) return p;
    decimal.mantissa = decimal.mantissa * kPowers[count] + number_of(bytes, count);
    decimal.digits += decimal.mantissa != 0 ? count : 0;  // at least as many as there are
    p += count;
    if (count < 8) return p;
  }
  for (; is_digit(*p); ++p) {
    if (decimal.digits < kMostDigits) {
      decimal.mantissa = decimal.mantissa * 10 + static_cast<uint64_t>(*p - '0');
    } else {
      ++decimal.exponent;
    }
    decimal.digits += decimal.mantissa != 0;
  }
  return p;
}

// Returns null unless a number stands at `p`.
const char* scan(const char* p, Decimal& decimal) {
  decimal.negative = *p == '-';
  p += *p == '-' || *p == '+';
  const char* start = p;
  p = scan_digits(p, decimal);
  int64_t found = p - start;
  if (*p == '.') {
    const char* fraction = p + 1;
    p = scan_digits(fraction, decimal);
    decimal.exponent -= p - fraction;
    found += p - fraction;
  }
  if (found == 0) return nullptr;
  if (*p != 'e' && *p != 'E') return p;
  const char* q = p + 1;
  const bool down = *q == '-';
  q += *q == '-' || *q == '+';
  if (!is_digit(*q)) return nullptr;
  int64_t exponent = 0;
  for (; is_digit(*q); ++q) {
    if (exponent < kMostExponent) exponent = exponent * 10 + (*q - '0');
  }
  decimal.exponent += down ? -exponent : exponent;
  return q;
}

// Exact where mantissa and power of ten are exact doubles: then the double is the nearest one,
// and rounding it again is right unless it stands midway between two floats. From 1e-22 to
// 2^53 * 1e22 all is in the range of normal floats.
bool convert_fast(const Decimal& decimal, float& value) {
  constexpr uint64_t kExactDouble = uint64_t{1} << 53;
  if (decimal.digits > kMostDigits || decimal.mantissa > kExactDouble) return false;
  if (decimal.exponent < -22 || decimal.exponent > 22) return false;
  auto wide = static_cast<double>(decimal.mantissa);
  if (decimal.exponent < 0) {
    wide /= kPowersOfTen[-decimal.exponent];
  } else {
    wide *= kPowersOfTen[decimal.exponent];
  }
  uint64_t bits;
  std::memcpy(&bits, &wide, sizeof bits);
  constexpr uint64_t kDropped = (uint64_t{1} << 29) - 1;
  constexpr uint64_t kMidway = uint64_t{1} << 28;
  if ((bits & kDropped) == kMidway) return false;
  value = static_cast<float>(decimal.negative ? -wide : wide);
  return true;
}

bool in_float_range(const char* text, const char* end, float& value) {
#if defined(__cpp_lib_to_chars)
  return std::from_chars(text, end, value).ec == std::errc();
#else
  static const locale_t kPlain = newlocale(LC_ALL_MASK, "C", nullptr);
  value = strtof_l(std::string(text, end).c_str(), nullptr, kPlain);
  return value == value && value <= std::numeric_limits<float>::max() &&
         value >= std::numeric_limits<float>::lowest();
#endif
}

}  // namespace

ParsedFloat parse_float(const char* text, float& value) {
  Decimal decimal;
  const char* end = scan(text, decimal);
  if (end == nullptr) return {Parsed::kNotNumeric, text};
  if (convert_fast(decimal, value)) return {Parsed::kNumber, end};
  if (in_float_range(text + (*text == '+'), end, value)) return {Parsed::kNumber, end};
  if (decimal.exponent + std::min<int64_t>(decimal.digits, 19) > 0) {
    return {Parsed::kTooLarge, end};
  }
  value = decimal.negative ? -0.0f : 0.0f;  // under half the least float
  return {Parsed::kNumber, end};
}

}  // namespace embkit
