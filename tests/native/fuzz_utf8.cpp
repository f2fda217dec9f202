#include <string>
#include <string_view>
#include <vector>

#include "tests/native/fuzz.h"
#include "text/utf8.h"

namespace {

// The slow way: decode one code point; returns its length, or 0 where none begins.
size_t decode_one(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) -> uint32_t {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 0;
  if (length == 0 || lead > 0xF7) return 0;
  uint32_t code = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  return code < kLeast[length] || code > 0x10FFFF || is_surrogate ? 0 : length;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace embkit;
  const std::string text(reinterpret_cast<const char*>(data), size);
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = decode_one(text, at);
    if (length == 0) break;
    at += length;
  }
  EMBKIT_PROMISE(find_invalid_utf8(text) == at);
  std::vector<char> repaired;
  const int64_t faults = replace_invalid_utf8(text, repaired);
  EMBKIT_PROMISE(faults == count_invalid_utf8(text));
  EMBKIT_PROMISE((faults == 0) == (at == text.size()));
  const std::string_view whole(repaired.data(), repaired.size());
  EMBKIT_PROMISE(find_invalid_utf8(whole) == whole.size());
  return 0;
}
