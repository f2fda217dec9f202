#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "linalg/induction.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

std::unique_ptr<InductionPass> make_pass(const Array<float>& source_levels,
                                         const Array<float>& target_levels, Index neighborhood,
                                         double keep_probability, uint64_t seed, uint64_t pass,
                                         int threads) {
  InductionOptions options;
  options.num_sources = source_levels.size();
  options.num_targets = target_levels.size();
  options.neighborhood = neighborhood;
  options.keep_probability = keep_probability;
  options.seed = seed;
  options.pass = pass;
  options.num_threads = threads;
  const Index most = std::min(options.num_sources, options.num_targets);
  if (neighborhood < 1 || neighborhood > most) {
    throw std::invalid_argument("neighborhood must be from 1 to " + std::to_string(most) +
                                ", got " + std::to_string(neighborhood));
  }
  if (threads < 1) {
    throw std::invalid_argument("threads must be at least 1, got " + std::to_string(threads));
  }
  return std::make_unique<InductionPass>(options, to_vector(source_levels),
                                         to_vector(target_levels));
}

void update(InductionPass& pass, const Array<float>& similarities, Index first_source,
            Index first_target) {
  check_dims(similarities, "similarities", 2);
  const SimilarityTile tile{similarities.data(), first_source, similarities.shape(0),
                            first_target, similarities.shape(1)};
  if (first_source < 0 || first_source + tile.num_sources > pass.options().num_sources ||
      first_target < 0 || first_target + tile.num_targets > pass.options().num_targets) {
    throw std::invalid_argument("similarities must lie inside the two vocabularies");
  }
  py::gil_scoped_release unlocked;
  pass.update(tile);
}

py::tuple to_tuple(InductionSide&& side) {
  return py::make_tuple(to_array(std::move(side.best)), to_array(std::move(side.strongest)),
                        to_array(std::move(side.means)));
}

}  // namespace

void bind_induction(py::module_& m) {
  py::class_<InductionPass>(m, "InductionPass",
                            "Best partners and neighbourhood means of two vocabularies.")
      .def(py::init(&make_pass), py::arg("source_levels").noconvert(),
           py::arg("target_levels").noconvert(), py::kw_only(), py::arg("neighborhood"),
           py::arg("keep_probability"), py::arg("seed"), py::arg("number"), py::arg("threads"))
      .def("update", &update, py::arg("similarities").noconvert(), py::kw_only(),
           py::arg("first_source"), py::arg("first_target"))
      .def("sources", [](const InductionPass& pass) { return to_tuple(pass.sources()); })
      .def("targets", [](const InductionPass& pass) { return to_tuple(pass.targets()); });
}

}  // namespace embkit::bindings
