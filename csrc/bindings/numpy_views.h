#pragma once

#include <pybind11/numpy.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace embkit::bindings {

// An array handed to the core as it is: exact dtype, C-contiguous, never copied. Bind such an
// argument with py::arg("name").noconvert().
template <typename T>
using Array = pybind11::array_t<T, pybind11::array::c_style>;

template <typename T>
std::vector<T> to_vector(const Array<T>& array) {
  return std::vector<T>(array.data(), array.data() + array.size());
}

// Moves a vector into a NumPy array that owns it, as the type Out of the same size. The values
// stay where they are.
template <typename Out, typename T>
pybind11::array_t<Out> to_array(std::vector<T>&& values) {
  static_assert(sizeof(Out) == sizeof(T));
  auto* owned = new std::vector<T>(std::move(values));
  const pybind11::capsule owner(owned, [](void* p) { delete static_cast<std::vector<T>*>(p); });
  return pybind11::array_t<Out>(static_cast<pybind11::ssize_t>(owned->size()),
                                reinterpret_cast<const Out*>(owned->data()), owner);
}

template <typename T>
pybind11::array_t<T> to_array(std::vector<T>&& values) {
  return to_array<T, T>(std::move(values));
}

inline void check_dims(const pybind11::array& array, const char* name, pybind11::ssize_t ndim) {
  if (array.ndim() != ndim) {
    throw std::invalid_argument(std::string(name) + " must have " + std::to_string(ndim) +
                                " dimensions, got " + std::to_string(array.ndim()));
  }
}

}  // namespace embkit::bindings
