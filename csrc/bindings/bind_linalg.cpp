#include "bindings/bind.h"

namespace embkit::bindings {

void bind_linalg(pybind11::module_&) {}

}  // namespace embkit::bindings
