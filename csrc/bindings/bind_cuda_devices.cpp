#include <pybind11/pybind11.h>

#include "bindings/bind.h"
#include "cuda/check.h"
#include "cuda/devices.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

py::dict to_dict(const cuda::DeviceProperties& properties) {
  py::dict all;
  all["name"] = py::str(properties.name);
  all["capability"] = py::make_tuple(properties.major, properties.minor);
  all["multiprocessors"] = properties.multiprocessors;
  all["memory_bytes"] = properties.memory_bytes;
  all["cache_bytes"] = properties.cache_bytes;
  return all;
}

py::list list_devices() {
  py::list all;
  for (const cuda::DeviceProperties& properties : cuda::devices()) {
    all.append(to_dict(properties));
  }
  return all;
}

py::tuple versions() {
  const cuda::Versions found = cuda::versions();
  return py::make_tuple(found.driver, found.runtime);
}

}  // namespace

void bind_cuda_devices(py::module_& m) {
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const cuda::CudaError& e) {
      const py::object type = py::module_::import("embkit.errors").attr("CudaError");
      PyErr_SetObject(type.ptr(), type(e.what(), e.status).ptr());
    }
  });
  m.def("versions", &versions,
        "The CUDA that the driver serves (0 without one), and that this was built with; each "
        "is 1000 x major + 10 x minor.");
  m.def("devices", &list_devices,
        "What each device is. Raises CudaError where none can be used.");
  m.def(
      "use_device", [](int number) { return to_dict(cuda::use_device(number)); },
      py::arg("number"), "Work on a device from now on, and tell what it is.");
}

}  // namespace embkit::bindings
