#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "linalg/analogy_scan.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

AnalogyScoring to_scoring(const std::string& name) {
  if (name == "add") return AnalogyScoring::kAdd;
  if (name == "mul") return AnalogyScoring::kMul;
  if (name == "direction") return AnalogyScoring::kDirection;
  if (name == "only_b") return AnalogyScoring::kOnlyB;
  throw std::invalid_argument("scoring must be add, mul, direction or only_b, got " + name);
}

void check_shape(const py::array& array, const char* name, py::ssize_t rows,
                 py::ssize_t columns) {
  check_dims(array, name, 2);
  if (array.shape(0) != rows || array.shape(1) != columns) {
    throw std::invalid_argument(std::string(name) + " must have shape (" +
                                std::to_string(rows) + ", " + std::to_string(columns) + ")");
  }
}

void check_offsets(const Array<int64_t>& offsets, py::ssize_t num_questions,
                   py::ssize_t num_excluded) {
  bool fits = offsets.size() == num_questions + 1 && offsets.data()[0] == 0 &&
              offsets.data()[num_questions] == num_excluded;
  for (py::ssize_t i = 0; fits && i < num_questions; ++i) {
    fits = offsets.data()[i] <= offsets.data()[i + 1];
  }
  if (!fits) throw std::invalid_argument("offsets must rise from 0 to the number excluded");
}

// Also remembers the number of terms, which every block of products must have.
struct Scan {
  AnalogyScan scan;
  Index num_terms;
};

std::unique_ptr<Scan> make_scan(const Array<int64_t>& questions,
                                const Array<double>& directions, const Array<int64_t>& offsets,
                                const Array<int64_t>& excluded, Index num_terms,
                                const std::vector<std::string>& scorings, double epsilon,
                                double smoothing, bool shifted) {
  check_shape(questions, "questions", questions.shape(0), 3);
  check_shape(directions, "directions", questions.shape(0), 3);
  check_offsets(offsets, questions.shape(0), excluded.size());
  AnalogyOptions options;
  for (const std::string& name : scorings) options.scorings.push_back(to_scoring(name));
  options.epsilon = epsilon;
  options.smoothing = smoothing;
  options.shifted = shifted;
  std::vector<AnalogyQuestion> asked;
  for (py::ssize_t i = 0; i < questions.shape(0); ++i) {
    const int64_t* terms = questions.data(i, 0);
    const double* direction = directions.data(i, 0);
    for (int side = 0; side < 3; ++side) {
      if (terms[side] < 0 || terms[side] >= num_terms) {
        throw std::invalid_argument("questions must name terms below " +
                                    std::to_string(num_terms));
      }
    }
    asked.push_back({terms[0], terms[1], terms[2], direction[0], direction[1], direction[2]});
  }
  return std::make_unique<Scan>(Scan{AnalogyScan(std::move(options), std::move(asked),
                                                 to_vector(offsets), to_vector(excluded)),
                                     num_terms});
}

void update(Scan& self, const Array<double>& products, const Array<double>& squares,
            int threads) {
  check_shape(products, "products", self.num_terms, squares.size());
  py::gil_scoped_release unlocked;
  self.scan.update(products.data(), squares.data(), self.num_terms, squares.size(), threads);
}

py::tuple result(const Scan& self) {
  const py::ssize_t shape[] = {self.scan.num_scorings(), self.scan.num_questions()};
  return py::make_tuple(py::array_t<int64_t>(shape, self.scan.rows().data()),
                        py::array_t<double>(shape, self.scan.scores().data()));
}

}  // namespace

void bind_analogy(py::module_& m) {
  py::class_<Scan>(m, "AnalogyScan",
                   "The best row of each analogy question, fed with products block by block.")
      .def(py::init(&make_scan), py::arg("questions").noconvert(),
           py::arg("directions").noconvert(), py::arg("offsets").noconvert(),
           py::arg("excluded").noconvert(), py::kw_only(), py::arg("num_terms"),
           py::arg("scorings"), py::arg("epsilon"), py::arg("smoothing"), py::arg("shifted"))
      .def("update", &update, py::arg("products").noconvert(), py::arg("squares").noconvert(),
           py::kw_only(), py::arg("threads"))
      .def("result", &result);
}

}  // namespace embkit::bindings
