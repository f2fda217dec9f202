#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string_view>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "core/errors.h"
#include "io/fasttext.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

template <typename T>
py::array_t<T> copy(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

FileBytes view_bytes(const Array<uint8_t>& file) {
  return {file.data(), static_cast<size_t>(file.size())};
}

FastTextModel read(const std::string& path, const Array<uint8_t>& file) {
  const FileBytes bytes = view_bytes(file);
  const py::gil_scoped_release release;
  return read_fasttext(path, bytes);
}

py::array_t<float> word_vectors(const FastTextModel& model, const std::string& path,
                                const Array<uint8_t>& file, int64_t rows, int threads,
                                bool lenient) {
  if (threads < 1) {
    throw std::invalid_argument("threads must be at least 1, got " + std::to_string(threads));
  }
  if (rows < 0 || rows > model.num_words()) {
    throw std::invalid_argument("rows must be from 0 to " + std::to_string(model.num_words()) +
                                ", got " + std::to_string(rows));
  }
  const FileBytes bytes = view_bytes(file);
  if (model.output_offset > file.size()) {
    throw std::invalid_argument("file must be what the model was read from");
  }
  py::array_t<float> vectors(
      {static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(model.dim)});
  float* out = vectors.mutable_data();
  bool interrupted = false;
  const auto keep_going = [&] {
    const py::gil_scoped_acquire acquire;
    interrupted = interrupted || PyErr_CheckSignals() != 0;
    return !interrupted;
  };
  {
    const py::gil_scoped_release release;
    compute_fasttext_vectors(path, model, bytes, rows, out, threads, lenient, keep_going);
  }
  if (interrupted) throw py::error_already_set();
  return vectors;
}

// What the file says of its training, under embkit's names.
py::dict config(const FastTextModel& model) {
  static constexpr const char* kLosses[] = {"hs", "ns", "softmax", "ova"};
  static constexpr const char* kModels[] = {"cbow", "skipgram", "supervised"};
  py::dict config;
  config["method"] = kModels[model.model - 1];
  config["loss"] = kLosses[model.loss - 1];
  config["dim"] = model.dim;
  config["window"] = model.window;
  config["negatives"] = model.negatives;
  config["min_count"] = model.min_count;
  config["subsample"] = model.subsample;
  config["epochs"] = model.epochs;
  config["word_ngrams"] = model.word_ngrams;
  config["minn"] = model.subwords.minn;
  config["maxn"] = model.subwords.maxn;
  config["bucket"] = model.subwords.bucket;
  return config;
}

py::array_t<int64_t> subword_rows(const SubwordRule& rule, const std::string& word) {
  std::vector<int64_t> rows;
  rule.append_rows(word, rows);
  return to_array(std::move(rows));
}

SubwordRule make_rule(int32_t minn, int32_t maxn, int32_t bucket,
                      const std::optional<std::vector<std::pair<int32_t, int32_t>>>& kept) {
  SubwordRule rule;
  rule.minn = minn;
  rule.maxn = maxn;
  rule.bucket = bucket;
  rule.pruned = kept.has_value();
  if (kept) rule.kept = *kept;
  return rule;
}

}  // namespace

void bind_fasttext(py::module_& m) {
  m.def(
      "is_fasttext",
      [](const py::bytes& head) {
        const std::string_view bytes(head);
        return is_fasttext({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
      },
      py::arg("head"), "Whether a file that begins so is a fastText model by its looks.");

  py::class_<SubwordRule>(m, "SubwordRule", "How fastText finds the rows of n-grams.")
      .def(py::init(&make_rule), py::kw_only(), py::arg("minn"), py::arg("maxn"),
           py::arg("bucket"), py::arg("kept"),
           "``kept``: pairs (hash value, row), sorted, where most rows were pruned.")
      .def("rows", &subword_rows, py::arg("word"), "The row of each n-gram of a word's bytes.")
      .def_readonly("minn", &SubwordRule::minn)
      .def_readonly("maxn", &SubwordRule::maxn)
      .def_readonly("bucket", &SubwordRule::bucket)
      .def_property_readonly("has_ngrams", &SubwordRule::has_ngrams)
      .def_property_readonly("kept", [](const SubwordRule& rule) {
        return rule.pruned ? py::object(py::cast(rule.kept)) : py::none();
      });

  py::class_<FastTextModel>(m, "FastTextModel", "A fastText model file, without its matrices.")
      .def(py::init(&read), py::arg("path"), py::arg("file").noconvert(),
           "Read and check the bytes of a file; ``path`` is for messages.")
      .def("word_vectors", &word_vectors, py::arg("path"), py::arg("file").noconvert(),
           py::kw_only(), py::arg("rows"), py::arg("threads"), py::arg("lenient"),
           "The first words' vectors, n-grams included.")
      .def_readonly("version", &FastTextModel::version)
      .def_readonly("dim", &FastTextModel::dim)
      .def_readonly("num_labels", &FastTextModel::num_labels)
      .def_readonly("num_tokens", &FastTextModel::num_tokens)
      .def_readonly("input_rows", &FastTextModel::input_rows)
      .def_readonly("input_offset", &FastTextModel::input_offset)
      .def_readonly("subwords", &FastTextModel::subwords)
      .def_property_readonly("config", &config)
      .def_property_readonly("words",
                             [](const FastTextModel& model) { return copy(model.words); })
      .def_property_readonly(
          "word_offsets", [](const FastTextModel& model) { return copy(model.word_offsets); })
      .def_property_readonly("counts",
                             [](const FastTextModel& model) { return copy(model.counts); });
}

}  // namespace embkit::bindings
