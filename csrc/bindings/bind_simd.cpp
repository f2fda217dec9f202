#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "core/matrix.h"
#include "simd/kernels.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

// One step of a SIMD level's kernel on given rows, for the tests. Matrices are changed in
// place.
py::array_t<float> simd_step(const std::string& level, bool is_cbow, Array<float>& inputs,
                             Array<float>& outputs, const std::vector<Index>& input_rows,
                             const std::vector<Index>& output_rows,
                             const std::vector<uint8_t>& labels, float learning_rate,
                             float scale, const std::vector<float>& offsets,
                             const std::vector<float>& weights, float offset) {
  const simd::Kernels* kernels = simd::find_kernels(level.c_str());
  if (kernels == nullptr) throw std::invalid_argument("level must be one of simd_levels()");
  PaddedMatrix padded[2] = {PaddedMatrix(inputs.shape(0), inputs.shape(1)),
                            PaddedMatrix(outputs.shape(0), outputs.shape(1))};
  Array<float>* const arrays[2] = {&inputs, &outputs};
  const auto copy = [&](bool back) {
    for (int side = 0; side < 2; ++side) {
      for (Index row = 0; row < padded[side].num_rows(); ++row) {
        float* const mine = padded[side].row(row);
        float* const theirs = arrays[side]->mutable_data(row);
        std::copy_n(back ? mine : theirs, padded[side].dim(), back ? theirs : mine);
      }
    }
  };
  copy(false);
  std::vector<float*> rows[2];
  for (const Index row : input_rows) rows[0].push_back(padded[0].row(row));
  for (const Index row : output_rows) rows[1].push_back(padded[1].row(row));
  const auto num_inputs = static_cast<int>(rows[0].size());
  const auto num_outputs = static_cast<int>(rows[1].size());
  const auto stride = static_cast<int>(padded[0].stride());
  PaddedMatrix scratch(
      1, static_cast<Index>(simd::scratch_floats(rows[0].size(), static_cast<size_t>(stride))));
  py::array_t<float> logits({is_cbow ? 1 : num_inputs, num_outputs});
  const simd::Step step{rows[0].data(),
                        rows[1].data(),
                        labels.data(),
                        num_inputs,
                        num_outputs,
                        stride,
                        learning_rate,
                        scale,
                        scratch.data(),
                        logits.mutable_data(),
                        rows[0].data(),
                        num_inputs,
                        offsets.empty() ? nullptr : offsets.data(),
                        weights.empty() ? nullptr : weights.data(),
                        offset};
  (is_cbow ? kernels->train_cbow : kernels->train_window)(step);
  copy(true);
  return logits;
}

// A SIMD level's exchange() on copies of three equal rows, for the tests; the shared row after
// it.
py::array_t<float> simd_exchange(const std::string& level, const Array<float>& shared,
                                 const Array<float>& mine, const Array<float>& base) {
  const simd::Kernels* kernels = simd::find_kernels(level.c_str());
  if (kernels == nullptr) throw std::invalid_argument("level must be one of simd_levels()");
  PaddedMatrix rows(3, shared.size());
  const Array<float>* const arrays[3] = {&shared, &mine, &base};
  for (Index row = 0; row < 3; ++row) {
    std::copy_n(arrays[row]->data(), shared.size(), rows.row(row));
  }
  kernels->exchange(rows.row(0), rows.row(1), rows.row(2), static_cast<size_t>(rows.stride()));
  for (Index d = 0; d < rows.stride(); ++d) {  // all three are the same now
    if (rows.row(1)[d] != rows.row(0)[d] || rows.row(2)[d] != rows.row(0)[d]) {
      throw std::logic_error("the copies differ after an exchange");
    }
  }
  return py::array_t<float>(shared.size(), rows.row(0));
}

std::vector<std::string> simd_levels() {
  std::vector<std::string> levels;
  for (const char* name : {"baseline", "avx2", "avx512", "neon"}) {
    if (simd::find_kernels(name) != nullptr) levels.emplace_back(name);
  }
  return levels;
}

constexpr const char* compiler() {
#ifdef __clang__
  return __VERSION__;  // its name is in it
#else
  return "GCC " __VERSION__;
#endif
}

}  // namespace

void bind_simd(py::module_& m) {
  m.def("compiler", &compiler, "What compiled the core.");
  m.def("simd_level", [] { return simd::kernels().name; }, "The kernels in use.");
  m.def("simd_levels", &simd_levels, "The kernels this machine can use.");
  m.def("simd_step", &simd_step, py::arg("level"), py::arg("is_cbow"),
        py::arg("inputs").noconvert(), py::arg("outputs").noconvert(), py::arg("input_rows"),
        py::arg("output_rows"), py::arg("labels"), py::arg("learning_rate"), py::arg("scale"),
        py::arg("offsets") = std::vector<float>(), py::arg("weights") = std::vector<float>(),
        py::arg("offset") = 0.0f);

  m.def("simd_exchange", &simd_exchange, py::arg("level"), py::arg("shared").noconvert(),
        py::arg("mine").noconvert(), py::arg("base").noconvert());
}

}  // namespace embkit::bindings
