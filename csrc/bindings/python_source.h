#pragma once

#include <pybind11/pybind11.h>

#include "io/byte_source.h"

namespace embkit::bindings {

// A Python binary stream with readinto(), read without the GIL being held by the caller; every
// read also lets Ctrl-C through. Made and destroyed with the GIL.
//
// Where `lenient`, a FormatError of the stream (a compressed file cut short) ends it early and
// its message is kept.
class PythonSource : public ByteSource {
 public:
  PythonSource(const pybind11::object& stream, bool lenient)
      : readinto_(stream.attr("readinto")), lenient_(lenient) {}

  size_t read(char* out, size_t capacity) override {
    const pybind11::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
    try {
      const auto room = static_cast<pybind11::ssize_t>(capacity);
      return readinto_(pybind11::memoryview::from_memory(out, room)).cast<size_t>();
    } catch (pybind11::error_already_set& error) {
      const auto type = pybind11::module_::import("embkit.errors").attr("FormatError");
      if (!lenient_ || !error.matches(type)) throw;
      cut_ = pybind11::str(error.value().attr("reason")).cast<std::string>();
      return 0;
    }
  }

  // Why the stream ended early, or empty.
  const std::string& cut() const { return cut_; }

 private:
  pybind11::object readinto_;
  bool lenient_;
  std::string cut_;
};

}  // namespace embkit::bindings
