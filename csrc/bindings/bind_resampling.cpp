#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <limits>
#include <stdexcept>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "linalg/resampling.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

void check_count(Index num_items) {
  if (num_items < 1 || num_items > std::numeric_limits<uint32_t>::max()) {
    throw std::invalid_argument("items must be from 1 to 2^32 - 1");
  }
}

py::array_t<double> draw_weights(Index num_items, uint64_t seed, Index first, Index count) {
  check_count(num_items);
  py::array_t<double> weights({count, num_items});
  std::vector<uint32_t> counts(static_cast<size_t>(num_items));
  for (Index r = 0; r < count; ++r) {
    draw_resample(seed, first + r, num_items, counts.data());
    std::copy(counts.begin(), counts.end(), weights.mutable_data(r, 0));
  }
  return weights;
}

py::array_t<double> correlate(const Array<double>& gold, const Array<double>& predicted,
                              uint64_t seed, Index count, int threads) {
  check_dims(gold, "gold", 1);
  check_dims(predicted, "predicted", 2);
  check_count(gold.size());
  if (predicted.shape(1) != gold.size()) {
    throw std::invalid_argument("predicted must have a column for each of gold");
  }
  const CorrelationBootstrap bootstrap(to_vector(gold), predicted.data(), predicted.shape(0));
  py::array_t<double> values({count, 2 * bootstrap.num_models()});
  double* const out = values.mutable_data();
  const py::gil_scoped_release unlocked;
  bootstrap.run(seed, 0, count, threads, out);
  return values;
}

}  // namespace

void bind_resampling(py::module_& m) {
  m.def("draw_resamples", &draw_weights, py::arg("items"), py::kw_only(), py::arg("seed"),
        py::arg("first"), py::arg("count"),
        "How often each item is drawn in resamples first, first + 1, ...: (count, items).");
  m.def("resample_correlations", &correlate, py::arg("gold").noconvert(),
        py::arg("predicted").noconvert(), py::kw_only(), py::arg("seed"), py::arg("count"),
        py::arg("threads"),
        "Spearman's rho, then Pearson's r, of each row of predicted, over resamples of the "
        "items: (count, 2 * rows).");
}

}  // namespace embkit::bindings
