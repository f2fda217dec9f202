#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "core/line_transfer.h"
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
  options.is_noise_contrastive = get("is_noise_contrastive").cast<bool>();
  options.learn_normalizer = get("learn_normalizer").cast<bool>();
  options.unigram_bias = get("unigram_bias").cast<bool>();
  options.share_negatives = get("share_negatives").cast<bool>();
  options.sum_contexts = get("sum_contexts").cast<bool>();
  options.dynamic_window = get("dynamic_window").cast<bool>();
  options.paper_subsampling = get("paper_subsampling").cast<bool>();
  options.dim = get("dim").cast<int>();
  options.window = get("window").cast<int>();
  options.negatives = get("negatives").cast<int>();
  options.block_size = get("block_size").cast<Index>();
  options.block_negatives = get("block_negatives").cast<int>();
  options.smoothing = get("smoothing").cast<double>();
  options.subsample = get("subsample").cast<double>();
  options.learning_rate = get("learning_rate").cast<double>();
  options.epochs = get("epochs").cast<Index>();
  options.first_epoch = get("first_epoch").cast<Index>();
  options.seed = get("seed").cast<uint64_t>();
  options.block_tokens = get("block_tokens").cast<Index>();
  options.copy_rows = get("copy_rows").cast<std::optional<bool>>();
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

// Trains on; true once all is done. An exception of on_progress, or of a signal's handler, is
// thrown when every thread has finished its block, or after kGrace in the midst of one.
bool train(Word2VecRun& run, int threads, const py::function& on_progress, Index max_blocks) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kGrace = std::chrono::milliseconds(500);
  Word2Vec& model = *run.model;
  std::exception_ptr error;
  Clock::time_point failed;
  const py::gil_scoped_release unlocked;
  const auto report = [&] {
    if (error != nullptr) return Clock::now() - failed < kGrace;
    try {
      const py::gil_scoped_acquire locked;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (on_progress().equal(py::bool_(true))) model.park();
    } catch (...) {
      error = std::current_exception();
      failed = Clock::now();
      model.park();
    }
    return true;
  };
  model.train(threads, report, max_blocks);
  if (error != nullptr) std::rethrow_exception(error);
  return model.is_done();
}

py::tuple progress(const Word2VecRun& run) {
  const Word2Vec::Progress now = run.model->progress();
  return py::make_tuple(now.tokens, now.loss, now.num_pairs, now.learning_rate);
}

py::dict counters(const Word2VecRun& run) {
  const auto [next_block, now, log_normalizer] = run.model->counters();
  py::dict all;
  all["next_block"] = next_block;
  all["tokens"] = now.tokens;
  all["loss"] = now.loss;
  all["num_pairs"] = now.num_pairs;
  all["learning_rate"] = now.learning_rate;
  all["last_loss"] = now.last_loss;
  all["last_pairs"] = now.last_pairs;
  all["log_normalizer"] = log_normalizer;
  return all;
}

void restore(Word2VecRun& run, const py::dict& from) {
  run.model->restore({from["next_block"].cast<Index>(),
                      {from["tokens"].cast<Index>(), from["loss"].cast<double>(),
                       from["num_pairs"].cast<int64_t>(), from["learning_rate"].cast<double>(),
                       from["last_loss"].cast<double>(), from["last_pairs"].cast<int64_t>()},
                      from["log_normalizer"].cast<double>()});
}

py::dict tables(const py::object& run) {
  const Word2Vec& model = *run.cast<const Word2VecRun&>().model;
  const std::vector<AliasSlot>* noise = model.noise();
  if (noise == nullptr) throw std::invalid_argument("loss must have noise, got hs");
  static_assert(sizeof(AliasSlot) == 2 * sizeof(uint32_t));
  const auto words = static_cast<py::ssize_t>(noise->size());
  py::dict all;
  all["keep_below"] = py::array_t<uint32_t>(words, model.keep_below().data(), run);
  all["noise"] = py::array_t<uint32_t>({words, py::ssize_t{2}},
                                       reinterpret_cast<const uint32_t*>(noise->data()), run);
  const std::vector<float>* offsets = model.offsets();
  all["offsets"] = offsets == nullptr ? py::array_t<float>(0)
                                      : py::array_t<float>(words, offsets->data(), run);
  return all;
}

// A matrix as NumPy sees it in place, padding included; it must not outlive the rows.
py::array_t<float> view(const py::object& run, bool is_output) {
  Word2Vec& model = *run.cast<Word2VecRun&>().model;
  PaddedMatrix& matrix = is_output ? model.output() : model.input();
  return py::array_t<float>({matrix.num_rows(), matrix.stride()}, matrix.data(), run);
}

// Hands a matrix over to NumPy, without its padding and without a copy.
py::array_t<float> take(PaddedMatrix& matrix) {
  auto owned = std::make_unique<PaddedMatrix>(std::move(matrix));
  owned->remove_padding();
  PaddedMatrix* const raw = owned.release();
  const py::capsule owner(raw, [](void* p) { delete static_cast<PaddedMatrix*>(p); });
  return py::array_t<float>({raw->num_rows(), raw->dim()}, raw->data(), owner);
}

}  // namespace

void bind_word2vec(py::module_& m) {
  m.def("line_transfer_ns", &line_transfer_ns, py::arg("num_threads"),
        py::call_guard<py::gil_scoped_release>());
  py::class_<Word2VecRun>(m, "Word2Vec", "Skip-gram or CBOW over an encoded corpus.")
      .def(py::init(&make_run), py::arg("options"), py::arg("ids").noconvert(),
           py::arg("sentence_offsets").noconvert(), py::arg("counts").noconvert())
      .def("train", &train, py::arg("threads"), py::arg("on_progress"),
           py::arg("max_blocks") = std::numeric_limits<Index>::max(),
           "Train on, and tell whether all is done. on_progress is called about ten times a "
           "second; once it returns True, training pauses between blocks.")
      .def("is_consistent", [](const Word2VecRun& run) { return run.model->is_consistent(); })
      .def("counters", &counters, "What a run needs to go on, beside the rows.")
      .def("restore", &restore, py::arg("counters"))
      .def("view", &view, py::arg("is_output"), "A matrix in place, padding included.")
      .def("tables", &tables, "The words' tables that a device needs; they share its memory.")
      .def("loss_mask", [](const Word2VecRun& run) { return run.model->loss_mask(); })
      .def("progress", &progress, "Tokens done, summed loss, pairs it is over, learning rate.")
      .def("rows_are_finite",
           [](const Word2VecRun& run) { return run.model->rows_are_finite(); })
      .def(
          "take_input", [](Word2VecRun& run) { return take(run.model->input()); },
          "The input rows; the model is empty of them afterwards.")
      .def("take_output", [](Word2VecRun& run) { return take(run.model->output()); });
}

}  // namespace embkit::bindings
