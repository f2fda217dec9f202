#pragma once

#include <pybind11/pybind11.h>

#include "cuda/runtime.h"

namespace embkit::bindings {

inline pybind11::dict to_dict(const cuda::DeviceProperties& properties) {
  pybind11::dict all;
  all["name"] = pybind11::str(properties.name);
  all["capability"] = pybind11::make_tuple(properties.major, properties.minor);
  all["multiprocessors"] = properties.multiprocessors;
  all["memory_bytes"] = properties.memory_bytes;
  all["cache_bytes"] = properties.cache_bytes;
  all["shared_bytes_per_block"] = properties.shared_bytes_per_block;
  return all;
}

}  // namespace embkit::bindings
