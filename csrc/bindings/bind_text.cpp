#include "bindings/bind.h"

namespace embkit::bindings {

void bind_text(pybind11::module_&) {}

}  // namespace embkit::bindings
