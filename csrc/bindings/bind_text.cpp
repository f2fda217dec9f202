#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "bindings/bind.h"
#include "text/digest.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

std::string digest_hex(const py::array& array, int threads) {
  if ((array.flags() & py::array::c_style) == 0) {
    throw std::invalid_argument("array must be C-contiguous, got another layout");
  }
  const void* const data = array.data();
  const auto size = static_cast<size_t>(array.nbytes());
  std::array<uint64_t, 2> parts{};
  {
    const py::gil_scoped_release unlocked;
    parts = digest(data, size, threads, [] {
      const py::gil_scoped_acquire locked;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      return true;
    });
  }
  std::string hex;
  for (const uint64_t part : parts) {
    for (int shift = 60; shift >= 0; shift -= 4) hex += "0123456789abcdef"[part >> shift & 15];
  }
  return hex;
}

}  // namespace

void bind_text(py::module_& m) {
  m.def("digest", &digest_hex, py::arg("array"), py::kw_only(), py::arg("threads"),
        "A fast 128-bit digest of an array's bytes, in hexadecimal.");
}

}  // namespace embkit::bindings
