#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

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
  options.first_epoch = get("first_epoch").cast<Index>();
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

// Trains on; true at the end of an epoch. An exception of on_progress, or of a signal's
// handler, is thrown when every thread has finished its chunk.
bool train_epoch(GloVeRun& run, int threads, const py::function& on_progress,
                 Index max_chunks) {
  const py::gil_scoped_release unlocked;
  const auto report = [&] {
    const py::gil_scoped_acquire locked;
    keep_going();
    return !on_progress().equal(py::bool_(true));
  };
  return run.model->train_epoch(threads, report, max_chunks);
}

py::dict counters(const GloVeRun& run) {
  const GloVe::Counters now = run.model->counters();
  py::list costs;
  for (const double cost : now.costs) costs.append(cost);
  py::dict all;
  all["next_chunk"] = now.next_chunk;
  all["epoch_cost"] = now.epoch_cost;
  all["cells"] = now.progress.cells;
  all["cost"] = now.progress.cost;
  all["costs"] = costs;
  return all;
}

void restore(GloVeRun& run, const py::dict& from) {
  std::vector<double> costs;
  for (const py::handle cost : from["costs"].cast<py::list>()) {
    costs.push_back(cost.cast<double>());
  }
  run.model->restore({from["next_chunk"].cast<Index>(),
                      from["epoch_cost"].cast<double>(),
                      {from["cells"].cast<Index>(), from["cost"].cast<double>()},
                      costs});
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

// A side's rows as NumPy sees them in place: values, squares and padding.
py::array_t<float> view(const py::object& run, bool contexts) {
  PaddedMatrix& matrix = run.cast<GloVeRun&>().model->side(side_of(contexts));
  return py::array_t<float>({matrix.num_rows(), matrix.stride()}, matrix.data(), run);
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
      .def("train_epoch", &train_epoch, py::arg("threads"), py::arg("on_progress"),
           py::arg("max_chunks") = std::numeric_limits<Index>::max(),
           "Train on, and tell whether an epoch is done. on_progress is called about ten times "
           "a second; once it returns True, training pauses between chunks.")
      .def("is_consistent", [](const GloVeRun& run) { return run.model->is_consistent(); })
      .def("counters", &counters, "What a run needs to go on, beside the rows.")
      .def("restore", &restore, py::arg("counters"))
      .def("view", &view, py::arg("contexts"), "One side's rows in place, padding included.")
      .def(
          "progress",
          [](const GloVeRun& run) {
            const GloVe::Progress now = run.model->progress();
            return py::make_tuple(now.cells, now.cost);
          },
          "Cells trained by this object, and the sum of their costs.")
      .def("rows", &rows, py::arg("contexts"), py::arg("squares"),
           "Copies of one side's vectors and biases, or of their sums of squared gradients.")
      .def("rows_are_finite", [](const GloVeRun& run) { return run.model->rows_are_finite(); });
}

}  // namespace embkit::bindings
