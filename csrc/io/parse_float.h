#pragma once

namespace embkit {

enum class Parsed { kNumber, kNotNumeric, kTooLarge };

struct ParsedFloat {
  Parsed kind;
  const char* end;  // one past the number; where it fails, where it stopped
};

// Reads a decimal number ([+-]digits[.digits][e[+-]digits]) at `text` into the nearest float32,
// in no locale. The bytes from `text` on must hold a byte that is no digit, dot, sign or e (a
// newline), and 8 more may be read behind any byte of the number. Too small becomes zero.
ParsedFloat parse_float(const char* text, float& value);

}  // namespace embkit
