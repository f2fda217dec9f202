#pragma once

#include "bindings/numpy_views.h"
#include "core/word_index.h"

namespace embkit::bindings {

// A WordIndex with the arrays it views.
struct OwningIndex {
  Array<uint8_t> data;
  Array<uint64_t> offsets;
  WordIndex index;
};

}  // namespace embkit::bindings
