#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "bindings/bind.h"
#include "bindings/cuda_properties.h"
#include "bindings/numpy_views.h"
#include "cuda/session.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

// A session, and the arrays it reads.
struct SessionRun {
  Array<WordId> ids;
  Array<uint64_t> sentence_offsets;
  std::unique_ptr<cuda::Session> session;
  bool is_torn = false;
};

cuda::Sharing read_sharing(const std::string& name) {
  if (name == "pair") return cuda::Sharing::kPair;
  return name == "block" ? cuda::Sharing::kBlock : cuda::Sharing::kWindow;
}

cuda::SessionOptions read_options(const py::dict& from) {
  const auto get = [&](const char* name) { return from[name]; };
  cuda::SessionOptions options{};
  options.is_cbow = get("is_cbow").cast<bool>();
  options.batch_tokens = get("batch_tokens").cast<Index>();
  options.most_resident = get("most_resident").cast<Index>();
  cuda::TrainTask& task = options.task;
  task.dim = get("dim").cast<int>();
  task.window = get("window").cast<int>();
  task.dynamic_window = get("dynamic_window").cast<bool>();
  task.sum_contexts = get("sum_contexts").cast<bool>();
  task.negatives = get("negatives").cast<int>();
  task.keeps_center = get("is_noise_contrastive").cast<bool>();
  task.learn_normalizer = get("learn_normalizer").cast<bool>();
  task.sharing = read_sharing(get("negative_sharing").cast<std::string>());
  task.block_size = get("block_size").cast<int>();
  task.block_negatives = get("block_negatives").cast<int>();
  task.learning_rate = get("learning_rate").cast<double>();
  task.epochs = get("epochs").cast<Index>();
  task.first_epoch = get("first_epoch").cast<Index>();
  task.seed = get("seed").cast<uint64_t>();
  task.loss_mask = get("loss_mask").cast<uint64_t>();
  task.max_warps = get("max_warps").cast<int>();
  task.shared_words = get("shared_words").cast<uint32_t>();
  task.prefetch = get("prefetch").cast<bool>();
  return options;
}

cuda::WordTables read_tables(const py::dict& from) {
  const auto keep_below = from["keep_below"].cast<Array<uint32_t>>();
  const auto noise = from["noise"].cast<Array<uint32_t>>();  // [num_words, 2]
  const auto offsets = from["offsets"].cast<Array<float>>();
  check_dims(noise, "noise", 2);
  cuda::WordTables tables{to_vector(keep_below), {}, to_vector(offsets)};
  for (py::ssize_t word = 0; word < noise.shape(0); ++word) {
    tables.noise.push_back({noise.at(word, 0), noise.at(word, 1)});
  }
  return tables;
}

// Both matrices, with whatever padding their rows have.
cuda::HostRows host_rows(Array<float>& input, Array<float>& output) {
  check_dims(input, "input", 2);
  if (output.ndim() != 2 || output.shape(1) != input.shape(1)) {
    throw std::invalid_argument("input and output must have rows of one length");
  }
  return {input.mutable_data(), output.mutable_data(), input.shape(1)};
}

std::unique_ptr<SessionRun> make_session(int device, const py::dict& options,
                                         const Array<WordId>& ids,
                                         const Array<uint64_t>& sentence_offsets,
                                         const py::dict& tables, Array<float> input,
                                         Array<float> output) {
  cuda::SessionOptions parsed = read_options(options);
  parsed.task.num_words = static_cast<uint32_t>(input.shape(0));
  const cuda::HostText text{ids.data(), ids.size(), sentence_offsets.data(),
                            sentence_offsets.size() - 1};
  const cuda::WordTables words = read_tables(tables);
  const cuda::HostRows rows = host_rows(input, output);
  auto run = std::make_unique<SessionRun>(SessionRun{ids, sentence_offsets, nullptr});
  const py::gil_scoped_release unlocked;
  run->session = std::make_unique<cuda::Session>(device, parsed, text, words, rows);
  return run;
}

// Trains on; true once all is done. After each slice it calls on_progress, which pauses the
// training where it returns True, and ends it where it or a signal's handler raises.
bool train(SessionRun& run, const py::function& on_progress) {
  bool is_paused = false;
  while (!is_paused && !run.session->is_done()) {
    try {
      const py::gil_scoped_release unlocked;
      run.session->train_slice();
    } catch (...) {
      run.is_torn = true;
      throw;
    }
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    is_paused = on_progress().equal(py::bool_(true));
  }
  return run.session->is_done();
}

py::dict counters(const SessionRun& run) {
  const cuda::Session::Progress now = run.session->progress();
  py::dict all;
  all["tokens"] = now.tokens;
  all["loss"] = now.loss;
  all["num_pairs"] = now.num_pairs;
  all["learning_rate"] = now.learning_rate;
  all["last_loss"] = now.last_loss;
  all["last_pairs"] = now.last_pairs;
  all["log_normalizer"] = now.log_normalizer;
  return all;
}

void restore(SessionRun& run, Array<float> input, Array<float> output, const py::dict& from) {
  const cuda::Session::Progress progress{
      from["tokens"].cast<Index>(),         from["loss"].cast<double>(),
      from["num_pairs"].cast<int64_t>(),    from["learning_rate"].cast<double>(),
      from["last_loss"].cast<double>(),     from["last_pairs"].cast<int64_t>(),
      from["log_normalizer"].cast<double>()};
  run.session->restore(host_rows(input, output), progress);
}

py::dict device(const SessionRun& run) {
  py::dict all = to_dict(run.session->device());
  const cuda::ResidentText& text = run.session->text();
  all["text_segments"] = text.num_segments();
  all["segment_tokens"] = text.segment_tokens();
  return all;
}

}  // namespace

void bind_cuda_session(py::module_& m) {
  py::class_<SessionRun>(m, "Session", py::module_local(),
                         "Skip-gram or CBOW over an encoded corpus on a device.")
      .def(py::init(&make_session), py::arg("device"), py::arg("options"),
           py::arg("ids").noconvert(), py::arg("sentence_offsets").noconvert(),
           py::arg("tables"), py::arg("input").noconvert(), py::arg("output").noconvert())
      .def("train", &train, py::arg("on_progress"),
           "Train on, and tell whether all is done. on_progress is called a few times a "
           "second; once it returns True, training pauses.")
      .def("is_consistent", [](const SessionRun& run) { return !run.is_torn; })
      .def("counters", &counters, "What a run needs to go on, beside the rows.")
      .def("restore", &restore, py::arg("input").noconvert(), py::arg("output").noconvert(),
           py::arg("counters"))
      .def(
          "download",
          [](const SessionRun& run, Array<float> input, Array<float> output) {
            run.session->download(host_rows(input, output));
          },
          py::arg("input").noconvert(), py::arg("output").noconvert(),
          "Copy the rows into arrays, padding left alone.")
      .def("device", &device, "What the device is, and how the text lies on it.");
}

}  // namespace embkit::bindings
