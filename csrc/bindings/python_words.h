#pragma once

#include <pybind11/pybind11.h>

#include <string_view>

namespace embkit::bindings {

inline bool is_word(pybind11::handle object) {
  return PyUnicode_Check(object.ptr()) || PyBytes_Check(object.ptr());
}

// The bytes of a str or bytes object, which must outlive this. In a str, surrogate escapes
// become the bytes they stand for, and any other surrogate its three bytes, which are not
// UTF-8. Every member needs the GIL.
class Word {
 public:
  explicit Word(pybind11::handle object) {
    PyObject* source = object.ptr();
    if (PyUnicode_Check(source) && PyUnicode_IS_COMPACT_ASCII(source)) {
      bytes_ = {static_cast<const char*>(PyUnicode_DATA(source)),
                static_cast<size_t>(PyUnicode_GET_LENGTH(source))};
      return;
    }
    if (PyUnicode_Check(source)) {
      encoded_ = encode(source);  // not kept by the str, as its UTF-8 form would be
      source = encoded_.ptr();
    }
    bytes_ = {PyBytes_AS_STRING(source), static_cast<size_t>(PyBytes_GET_SIZE(source))};
  }
  std::string_view bytes() const { return bytes_; }

 private:
  static pybind11::object encode(PyObject* text) {
    PyObject* bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape");
    if (bytes == nullptr && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
      PyErr_Clear();
      bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    }
    if (bytes == nullptr) throw pybind11::error_already_set();
    return pybind11::reinterpret_steal<pybind11::object>(bytes);
  }

  pybind11::object encoded_;
  std::string_view bytes_;
};

}  // namespace embkit::bindings
