#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "simd/kernels.h"
#include "train/glove.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

// A model, and the arrays it reads.
struct GloVeRun {
  Array<int64_t> offsets;
  Array<int32_t> columns;
  Array<double> values;
  std::unique_ptr<GloVe> model;
};

GloVeOptions read_options(const py::dict& from) {
  const auto get = [&](const char* name) { return from[name]; };
  GloVeOptions options{};
  options.dim = get("dim").cast<int>();
  options.x_max = get("x_max").cast<double>();
  options.exponent = get("exponent").cast<double>();
  options.learning_rate = get("learning_rate").cast<double>();
  options.clip = get("clip").cast<double>();
  options.seed = get("seed").cast<uint64_t>();
  options.tile_words = get("tile_words").cast<Index>();
  options.chunk_cells = get("chunk_cells").cast<Index>();
  return options;
}

std::unique_ptr<GloVeRun> make_run(const py::dict& options, const Array<int64_t>& offsets,
                                   const Array<int32_t>& columns, const Array<double>& values) {
  check_dims(offsets, "offsets", 1);
  check_dims(columns, "columns", 1);
  check_dims(values, "values", 1);
  if (offsets.size() < 2) throw std::invalid_argument("offsets must have at least 2 entries");
  const int64_t num_cells = offsets.data()[offsets.size() - 1];
  if (columns.size() != num_cells || values.size() != num_cells) {
    throw std::invalid_argument("columns and values must have " + std::to_string(num_cells) +
                                " entries, as the last of offsets says, got " +
                                std::to_string(columns.size()) + " and " +
                                std::to_string(values.size()));
  }
  const GloVeOptions parsed = read_options(options);
  const CountMatrix counts{offsets.data(), columns.data(), values.data(), offsets.size() - 1};
  auto run = std::make_unique<GloVeRun>(GloVeRun{offsets, columns, values, nullptr});
  const py::gil_scoped_release unlocked;
  run->model = std::make_unique<GloVe>(parsed, counts);
  return run;
}

bool keep_going() {
  const py::gil_scoped_acquire locked;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  return true;
}

double train_epoch(GloVeRun& run, Index epoch, int threads, const py::function& on_progress) {
  const py::gil_scoped_release unlocked;
  return run.model->train_epoch(epoch, threads, [&] {
    const py::gil_scoped_acquire locked;
    keep_going();
    on_progress();
    return true;
  });
}

GloVe::Side side_of(bool contexts) { return contexts ? GloVe::kContexts : GloVe::kWords; }

// The vectors of one side, or their sums of squared gradients, and the same of the biases.
py::tuple rows(GloVeRun& run, bool contexts, bool squares) {
  GloVe& model = *run.model;
  const Index num_words = model.num_words();
  py::array_t<float> vectors({num_words, static_cast<Index>(model.dim())});
  py::array_t<float> biases(num_words);
  for (Index word = 0; word < num_words; ++word) {
    const float* const vector = model.vector(side_of(contexts), squares, word);
    std::copy_n(vector, model.dim(), vectors.mutable_data(word, 0));
    biases.mutable_data()[word] = *model.bias(side_of(contexts), squares, word);
  }
  return py::make_tuple(vectors, biases);
}

void set_rows(GloVeRun& run, bool contexts, bool squares, const Array<float>& vectors,
              const Array<float>& biases) {
  GloVe& model = *run.model;
  check_dims(vectors, "vectors", 2);
  check_dims(biases, "biases", 1);
  if (vectors.shape(0) != model.num_words() || vectors.shape(1) != model.dim() ||
      biases.size() != model.num_words()) {
    throw std::invalid_argument("vectors and biases must have the model's shape");
  }
  for (Index word = 0; word < model.num_words(); ++word) {
    std::copy_n(vectors.data(word, 0), model.dim(),
                model.vector(side_of(contexts), squares, word));
    *model.bias(side_of(contexts), squares, word) = biases.data()[word];
  }
}

// A SIMD level's steps on given cells, for the tests. Rows are as in GloveStep, and changed in
// place.
double simd_glove(const std::string& level, const Array<WordId>& row_ids,
                  const Array<WordId>& column_ids, const Array<float>& log_values,
                  const Array<float>& weights, Array<float>& rows, Array<float>& columns,
                  float learning_rate, float bias_rate, float clip) {
  const simd::Kernels* kernels = simd::find_kernels(level.c_str());
  if (kernels == nullptr) throw std::invalid_argument("level must be one of simd_levels()");
  std::vector<simd::GloveCell> cells;
  for (py::ssize_t i = 0; i < row_ids.size(); ++i) {
    cells.push_back(
        {row_ids.data()[i], column_ids.data()[i], log_values.data()[i], weights.data()[i]});
  }
  Array<float>* const arrays[2] = {&rows, &columns};
  PaddedMatrix sides[2] = {PaddedMatrix(rows.shape(0), rows.shape(1)),
                           PaddedMatrix(columns.shape(0), columns.shape(1))};
  for (int side = 0; side < 2; ++side) {
    std::copy_n(arrays[side]->data(), arrays[side]->size(), sides[side].data());
  }
  const auto stride = static_cast<size_t>(rows.shape(1)) / 2;
  const double cost =
      kernels->train_glove({cells.data(), cells.size(), sides[0].data(), sides[1].data(),
                            stride, learning_rate, bias_rate, clip});
  for (int side = 0; side < 2; ++side) {
    std::copy_n(sides[side].data(), arrays[side]->size(), arrays[side]->mutable_data());
  }
  return cost;
}

}  // namespace

void bind_glove(py::module_& m) {
  m.def("simd_glove", &simd_glove, py::arg("level"), py::arg("row_ids").noconvert(),
        py::arg("column_ids").noconvert(), py::arg("log_values").noconvert(),
        py::arg("weights").noconvert(), py::arg("rows").noconvert(),
        py::arg("columns").noconvert(), py::arg("learning_rate"), py::arg("bias_rate"),
        py::arg("clip"));

  py::class_<GloVeRun>(m, "GloVe", "GloVe over a matrix of co-occurrences.")
      .def(py::init(&make_run), py::arg("options"), py::arg("offsets").noconvert(),
           py::arg("columns").noconvert(), py::arg("values").noconvert())
      .def(
          "arrange",
          [](GloVeRun& run, int threads) {
            const py::gil_scoped_release unlocked;
            run.model->arrange(threads, &keep_going);
          },
          py::arg("threads"),
          "Set the first rows and lay out the cells; once, before all else.")
      .def("train_epoch", &train_epoch, py::arg("epoch"), py::arg("threads"),
           py::arg("on_progress"),
           "Train every cell once and return the sum of their costs; on_progress is called "
           "about "
           "ten times a second.")
      .def(
          "progress",
          [](const GloVeRun& run) {
            const GloVe::Progress now = run.model->progress();
            return py::make_tuple(now.cells, now.cost);
          },
          "Cells trained by this object, and the sum of their costs.")
      .def("rows", &rows, py::arg("contexts"), py::arg("squares"),
           "Copies of one side's vectors and biases, or of their sums of squared gradients.")
      .def("set_rows", &set_rows, py::arg("contexts"), py::arg("squares"),
           py::arg("vectors").noconvert(), py::arg("biases").noconvert())
      .def("rows_are_finite", [](const GloVeRun& run) { return run.model->rows_are_finite(); });
}

}  // namespace embkit::bindings
