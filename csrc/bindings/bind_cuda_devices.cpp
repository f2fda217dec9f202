#include <pybind11/pybind11.h>

#include "bindings/bind.h"
#include "bindings/cuda_properties.h"
#include "bindings/numpy_views.h"
#include "cuda/block_tile.h"
#include "cuda/check.h"
#include "cuda/devices.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

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

py::tuple measure_rows(int device, Index num_words, int dim, const Array<uint32_t>& rows,
                       int repeats) {
  const int stride = cuda::row_stride(dim);
  cuda::RowRates rates{};
  {
    const py::gil_scoped_release unlocked;
    cuda::use_device(device);
    rates = cuda::runtime().measure_rows(num_words, stride, rows.data(), rows.size(), repeats);
    cuda::check(rates.status, "measure row accesses");
  }
  return py::make_tuple(rates.gathered_bytes, rates.scattered_bytes);
}

size_t block_shared_bytes(int dim, int window, int block_negatives) {
  cuda::TrainTask task{};
  task.stride = cuda::row_stride(dim);
  task.window = window;
  task.block_negatives = block_negatives;
  return cuda::block_shared_bytes(task);
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
  m.def("block_shared_bytes", &block_shared_bytes, py::arg("dim"), py::arg("window"),
        py::arg("block_negatives"),
        "Bytes of shared memory that a block of threads needs to share noise words.");
  m.def("measure_rows", &measure_rows, py::arg("device"), py::arg("num_words"), py::arg("dim"),
        py::arg("rows").noconvert(), py::arg("repeats"),
        "Bytes a second that a device reads, and adds to with atomics, in this order of rows.");
}

}  // namespace embkit::bindings
