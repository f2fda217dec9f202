#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace embkit {

// The first byte of `text` at which no well-formed UTF-8 sequence (Unicode 15, table 3-7)
// begins, or that is NUL; text.size() where there is none.
size_t find_invalid_utf8(std::string_view text);

// How many faults there are: each maximal ill-formed part, and each NUL, counts as one.
int64_t count_invalid_utf8(std::string_view text);

// Appends `text` to `out` with U+FFFD for each fault, as Python's errors="replace" does, and
// returns how many there were.
int64_t replace_invalid_utf8(std::string_view text, std::vector<char>& out);

}  // namespace embkit
