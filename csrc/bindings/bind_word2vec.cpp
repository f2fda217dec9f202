#include "bindings/bind.h"

namespace embkit::bindings {

void bind_word2vec(pybind11::module_&) {}

}  // namespace embkit::bindings
