#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "linalg/norms.h"
#include "linalg/top_k.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

Scoring to_scoring(const std::string& name) {
  if (name == "linear") return Scoring::kLinear;
  if (name == "cosmul") return Scoring::kCosMul;
  if (name == "pairdirection") return Scoring::kPairDirection;
  if (name == "shifted") return Scoring::kShifted;
  if (name == "ratio") return Scoring::kRatio;
  throw std::invalid_argument(
      "scoring must be linear, cosmul, pairdirection, shifted or ratio, got " + name);
}

void check_size(const py::array& array, const char* name, py::ssize_t size) {
  if (array.size() != size) {
    throw std::invalid_argument(std::string(name) + " must have " + std::to_string(size) +
                                " elements, got " + std::to_string(array.size()));
  }
}

std::unique_ptr<TopK> make_top_k(const Array<double>& terms, const Array<double>& gains,
                                 const Array<double>& bases, Index k,
                                 const std::string& scoring, Index num_positive, double epsilon,
                                 double radius, double reach,
                                 const Array<int64_t>& excluded_offsets,
                                 const Array<int64_t>& excluded) {
  check_dims(terms, "terms", 3);
  check_size(gains, "gains", terms.shape(0));
  check_size(bases, "bases", terms.shape(0));
  check_size(excluded_offsets, "excluded_offsets", terms.shape(0) + 1);
  check_size(excluded, "excluded", excluded_offsets.data()[terms.shape(0)]);
  if (k < 1) throw std::invalid_argument("k must be at least 1, got " + std::to_string(k));
  TopKOptions options;
  options.scoring = to_scoring(scoring);
  options.k = k;
  options.num_terms = terms.shape(1);
  options.num_positive = num_positive;
  options.epsilon = epsilon;
  options.radius = radius;
  options.reach = reach;
  const Index needed = options.scoring == Scoring::kPairDirection ? 2 : 1;
  if (options.num_terms != needed && options.scoring != Scoring::kCosMul) {
    throw std::invalid_argument("terms must have " + std::to_string(needed) +
                                " vectors per query, got " + std::to_string(terms.shape(1)));
  }
  return std::make_unique<TopK>(options, terms.shape(2), to_vector(terms), to_vector(gains),
                                to_vector(bases), to_vector(excluded_offsets),
                                to_vector(excluded));
}

void update(TopK& top_k, const Array<float>& products, const Array<float>& rows,
            const Array<double>& scales, const Array<float>& screens,
            const Array<double>& shifts, Index first_row, int threads) {
  check_dims(rows, "rows", 2);
  check_size(rows, "rows", rows.shape(0) * top_k.dim());
  check_size(products, "products", top_k.num_queries() * top_k.num_terms() * rows.shape(0));
  check_size(scales, "scales", rows.shape(0));
  check_size(screens, "screens", rows.shape(0));
  check_size(shifts, "shifts", rows.shape(0));
  const ScoredRows block{products.data(), rows.data(), scales.data(), screens.data(),
                         shifts.data(),   first_row,   rows.shape(0)};
  py::gil_scoped_release unlocked;
  top_k.update(block, threads);
}

void update_listed(TopK& top_k, const Array<int64_t>& listed, const Array<float>& rows,
                   const Array<double>& scales, const Array<double>& shifts, int threads) {
  check_dims(rows, "rows", 2);
  check_dims(listed, "listed", 2);
  check_size(rows, "rows", rows.shape(0) * top_k.dim());
  check_size(listed, "listed", top_k.num_queries() * listed.shape(1));
  check_size(scales, "scales", rows.shape(0));
  check_size(shifts, "shifts", rows.shape(0));
  const int64_t* end = listed.data() + listed.size();
  if (std::any_of(listed.data(), end, [&](int64_t row) { return row >= rows.shape(0); })) {
    throw std::invalid_argument("listed must be below the number of rows, " +
                                std::to_string(rows.shape(0)));
  }
  const ScoredRows all{nullptr,       rows.data(), scales.data(), nullptr,
                       shifts.data(), 0,           rows.shape(0)};
  py::gil_scoped_release unlocked;
  top_k.update_listed(all, listed.data(), listed.shape(1), threads);
}

py::tuple result(const TopK& top_k) {
  py::array_t<int64_t> rows({top_k.num_queries(), top_k.k()});
  py::array_t<float> scores({top_k.num_queries(), top_k.k()});
  int64_t* row_out = rows.mutable_data();
  float* score_out = scores.mutable_data();
  {
    py::gil_scoped_release unlocked;
    top_k.result(row_out, score_out);
  }
  return py::make_tuple(rows, scores);
}

py::array_t<double> norms_of(const Array<float>& rows, int threads) {
  check_dims(rows, "rows", 2);
  py::array_t<double> norms(rows.shape(0));
  double* out = norms.mutable_data();
  {
    py::gil_scoped_release unlocked;
    row_norms(rows.data(), rows.shape(0), rows.shape(1), threads, out);
  }
  return norms;
}

}  // namespace

void bind_linalg(py::module_& m) {
  m.def("row_norms", &norms_of, py::arg("rows").noconvert(), py::kw_only(), py::arg("threads"),
        "Return the Euclidean length of each row, in double precision.");
  py::class_<TopK>(m, "TopK", "The exact k best rows of each query, fed block by block.")
      .def(py::init(&make_top_k), py::arg("terms").noconvert(), py::arg("gains").noconvert(),
           py::arg("bases").noconvert(), py::kw_only(), py::arg("k"), py::arg("scoring"),
           py::arg("num_positive"), py::arg("epsilon"), py::arg("radius"), py::arg("reach"),
           py::arg("excluded_offsets").noconvert(), py::arg("excluded").noconvert())
      .def("update", &update, py::arg("products").noconvert(), py::arg("rows").noconvert(),
           py::arg("scales").noconvert(), py::arg("screens").noconvert(),
           py::arg("shifts").noconvert(), py::kw_only(), py::arg("first_row"),
           py::arg("threads"))
      .def("update_listed", &update_listed, py::arg("listed").noconvert(),
           py::arg("rows").noconvert(), py::arg("scales").noconvert(),
           py::arg("shifts").noconvert(), py::kw_only(), py::arg("threads"))
      .def("result", &result);
}

}  // namespace embkit::bindings
