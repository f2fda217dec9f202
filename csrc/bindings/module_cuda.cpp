#include "bindings/bind.h"

PYBIND11_MODULE(_cuda, m) {
  m.doc() = "The part of embkit that runs on NVIDIA GPUs. Private: import embkit instead.";
  embkit::bindings::bind_errors(m);
  embkit::bindings::bind_cuda_devices(m);
  embkit::bindings::bind_cuda_session(m);
}
