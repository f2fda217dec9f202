#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "simd/kernels.h"
#include "train/word2vec.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

// A model, and the arrays it reads.
struct Word2VecRun {
  Array<WordId> ids;
  Array<uint64_t> sentence_offsets;
  std::unique_ptr<Word2Vec> model;
};

Word2VecOptions read_options(const py::dict& from) {
  const auto get = [&](const char* name) { return from[name]; };
  Word2VecOptions options{};
  options.is_cbow = get("is_cbow").cast<bool>();
  options.is_hierarchical = get("is_hierarchical").cast<bool>();
  options.share_negatives = get("share_negatives").cast<bool>();
  options.sum_contexts = get("sum_contexts").cast<bool>();
  options.dynamic_window = get("dynamic_window").cast<bool>();
  options.paper_subsampling = get("paper_subsampling").cast<bool>();
  options.dim = get("dim").cast<int>();
  options.window = get("window").cast<int>();
  options.negatives = get("negatives").cast<int>();
  options.smoothing = get("smoothing").cast<double>();
  options.subsample = get("subsample").cast<double>();
  options.learning_rate = get("learning_rate").cast<double>();
  options.epochs = get("epochs").cast<Index>();
  options.seed = get("seed").cast<uint64_t>();
  options.block_tokens = get("block_tokens").cast<Index>();
  return options;
}

std::unique_ptr<Word2VecRun> make_run(const py::dict& options, const Array<WordId>& ids,
                                      const Array<uint64_t>& sentence_offsets,
                                      const Array<int64_t>& counts) {
  check_dims(ids, "ids", 1);
  check_dims(sentence_offsets, "sentence_offsets", 1);
  if (sentence_offsets.size() < 1)
    throw std::invalid_argument("sentence_offsets must not be empty");
  const EncodedText text{ids.data(), ids.size(), sentence_offsets.data(),
                         sentence_offsets.size() - 1};
  const Word2VecOptions parsed = read_options(options);
  const std::vector<int64_t> copied = to_vector(counts);
  auto run = std::make_unique<Word2VecRun>(Word2VecRun{ids, sentence_offsets, nullptr});
  const py::gil_scoped_release unlocked;
  run->model = std::make_unique<Word2Vec>(parsed, text, copied);
  return run;
}

void train(Word2VecRun& run, int threads, const py::function& on_progress) {
  const py::gil_scoped_release unlocked;
  run.model->train(threads, [&] {
    const py::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    on_progress();
    return true;
  });
}

py::tuple progress(const Word2VecRun& run) {
  const Word2Vec::Progress now = run.model->progress();
  return py::make_tuple(now.tokens, now.loss, now.num_pairs, now.learning_rate);
}

// Hands a matrix over to NumPy, without its padding and without a copy.
py::array_t<float> take(PaddedMatrix& matrix) {
  auto owned = std::make_unique<PaddedMatrix>(std::move(matrix));
  owned->remove_padding();
  PaddedMatrix* const raw = owned.release();
  const py::capsule owner(raw, [](void* p) { delete static_cast<PaddedMatrix*>(p); });
  return py::array_t<float>({raw->num_rows(), raw->dim()}, raw->data(), owner);
}

// One step of a SIMD level's kernel on given rows, for the tests. Matrices are changed in
// place.
py::array_t<float> simd_step(const std::string& level, bool is_cbow, Array<float>& inputs,
                             Array<float>& outputs, const std::vector<Index>& input_rows,
                             const std::vector<Index>& output_rows,
                             const std::vector<uint8_t>& labels, float learning_rate,
                             float scale) {
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
  const simd::Step step{
      rows[0].data(), rows[1].data(), labels.data(), num_inputs,     num_outputs,
      stride,         learning_rate,  scale,         scratch.data(), logits.mutable_data(),
      rows[0].data(), num_inputs};
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

}  // namespace

void bind_word2vec(py::module_& m) {
  m.def("simd_level", [] { return simd::kernels().name; }, "The kernels in use.");
  m.def("simd_levels", &simd_levels, "The kernels this machine can use.");
  m.def("simd_step", &simd_step, py::arg("level"), py::arg("is_cbow"),
        py::arg("inputs").noconvert(), py::arg("outputs").noconvert(), py::arg("input_rows"),
        py::arg("output_rows"), py::arg("labels"), py::arg("learning_rate"), py::arg("scale"));

  m.def("simd_exchange", &simd_exchange, py::arg("level"), py::arg("shared").noconvert(),
        py::arg("mine").noconvert(), py::arg("base").noconvert());

  py::class_<Word2VecRun>(m, "Word2Vec", "Skip-gram or CBOW over an encoded corpus.")
      .def(py::init(&make_run), py::arg("options"), py::arg("ids").noconvert(),
           py::arg("sentence_offsets").noconvert(), py::arg("counts").noconvert())
      .def("train", &train, py::arg("threads"), py::arg("on_progress"),
           "Train to the end; on_progress is called about ten times a second.")
      .def("progress", &progress, "Tokens done, summed loss, pairs it is over, learning rate.")
      .def("rows_are_finite",
           [](const Word2VecRun& run) { return run.model->rows_are_finite(); })
      .def(
          "take_input", [](Word2VecRun& run) { return take(run.model->input()); },
          "The input rows; the model is empty of them afterwards.")
      .def("take_output", [](Word2VecRun& run) { return take(run.model->output()); });
}

}  // namespace embkit::bindings
