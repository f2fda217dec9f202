#include <pybind11/pybind11.h>

#include <cerrno>

#include "bindings/bind.h"
#include "core/errors.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

py::object error_type(const char* name) {
  return py::module_::import("embkit.errors").attr(name);
}

py::object decode_path(const std::string& path) {
  return py::reinterpret_steal<py::object>(
      PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size())));
}

}  // namespace

// std::invalid_argument already becomes ValueError, std::out_of_range IndexError and
// std::bad_alloc MemoryError; only embkit's own types need a rule.
void bind_errors(py::module_&) {
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const FormatError& e) {
      const py::object type = error_type("FormatError");
      const py::object line = e.line > 0 ? py::object(py::int_(e.line)) : py::none();
      const py::object offset = e.offset >= 0 ? py::object(py::int_(e.offset)) : py::none();
      PyErr_SetObject(type.ptr(), type(decode_path(e.path), line, offset, e.reason).ptr());
    } catch (const FileError& e) {
      errno = e.error;
      PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, decode_path(e.path).ptr());
    } catch (const ResourceError& e) {
      py::set_error(error_type("ResourceError"), e.what());
    } catch (const DivergenceError& e) {
      py::set_error(error_type("DivergenceError"), e.what());
    }
  });
}

}  // namespace embkit::bindings
