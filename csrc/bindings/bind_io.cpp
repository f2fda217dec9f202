#include "bindings/bind.h"

namespace embkit::bindings {

void bind_io(pybind11::module_&) {}

}  // namespace embkit::bindings
