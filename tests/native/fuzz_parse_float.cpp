#include <cmath>
#include <cstdlib>
#include <string>

#include "io/parse_float.h"
#include "tests/native/fuzz.h"

namespace {

// Only what parse_float's grammar allows is compared: no blanks, hexadecimals, names.
bool is_plain(const std::string& text) {
  return text.find_first_not_of("0123456789+-.eE") == std::string::npos;
}

}  // namespace

// Where both take the whole text, the nearest float32 is the C library's too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace embkit;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string padded = text + "\n" + std::string(8, ' ');
  float value = 0;
  const ParsedFloat parsed = parse_float(padded.data(), value);
  EMBKIT_PROMISE(parsed.end >= padded.data() && parsed.end <= padded.data() + size);
  if (!is_plain(text) || parsed.end != padded.data() + size) return 0;
  char* end = nullptr;
  const float expected = std::strtof(padded.c_str(), &end);
  if (parsed.kind == Parsed::kNumber) {
    EMBKIT_PROMISE(end == padded.c_str() + size);
    EMBKIT_PROMISE(value == expected);
  } else if (parsed.kind == Parsed::kTooLarge) {
    EMBKIT_PROMISE(std::isinf(expected));
  }
  return 0;
}
