#pragma once

#include <cstdint>

namespace embkit {

using WordId = uint32_t;  // a row of the vocabulary
using Index = int64_t;    // a count of tokens, rows or elements

}  // namespace embkit
