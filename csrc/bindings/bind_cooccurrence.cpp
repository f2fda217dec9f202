#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "text/cooccurrence.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

CooccurrenceOptions read_options(const py::dict& from) {
  const auto get = [&](const char* name) { return from[name]; };
  CooccurrenceOptions options{};
  options.before = to_vector(get("before").cast<Array<uint64_t>>());
  options.after = to_vector(get("after").cast<Array<uint64_t>>());
  options.row_of = to_vector(get("row_of").cast<Array<WordId>>());
  options.keep_below = to_vector(get("keep_below").cast<Array<uint32_t>>());
  options.keeps_places = get("keeps_places").cast<bool>();
  options.num_rows = get("num_rows").cast<Index>();
  options.seed = get("seed").cast<uint64_t>();
  options.num_threads = get("threads").cast<int>();
  options.chunk_tokens = get("chunk_tokens").cast<Index>();
  options.piece_tokens = get("piece_tokens").cast<Index>();
  options.block_entries = get("block_entries").cast<Index>();
  options.run_records = get("run_records").cast<Index>();
  return options;
}

CooccurrenceFiles read_files(const py::dict& from) {
  const auto get = [&](const char* name) { return from[name]; };
  return {get("values").cast<int>(),        get("values_begin").cast<int64_t>(),
          get("columns").cast<int>(),       get("columns_begin").cast<int64_t>(),
          get("runs").cast<int>(),          get("values_name").cast<std::string>(),
          get("folder").cast<std::string>()};
}

py::array_t<int64_t> count(const Array<WordId>& ids, const Array<uint64_t>& sentence_offsets,
                           const py::dict& options, const py::dict& files,
                           const py::object& progress) {
  check_dims(ids, "ids", 1);
  check_dims(sentence_offsets, "sentence_offsets", 1);
  if (sentence_offsets.size() < 1) {
    throw std::invalid_argument("sentence_offsets must not be empty");
  }
  const EncodedText text{ids.data(), ids.size(), sentence_offsets.data(),
                         sentence_offsets.size() - 1};
  const CooccurrenceOptions parsed = read_options(options);
  const CooccurrenceFiles opened = read_files(files);
  std::vector<int64_t> row_begins;
  {
    const py::gil_scoped_release unlocked;
    row_begins = count_cooccurrences(text, parsed, opened, [&](int64_t done, int64_t total) {
      const py::gil_scoped_acquire locked;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (!progress.is_none()) progress(done, total);
    });
  }
  return to_array(std::move(row_begins));
}

}  // namespace

void bind_cooccurrence(py::module_& m) {
  m.def(
      "keep_thresholds",
      [](const Array<int64_t>& counts, double subsample, bool paper) {
        return to_array(keep_thresholds(to_vector(counts), subsample, paper));
      },
      py::arg("counts").noconvert(), py::kw_only(), py::arg("subsample"), py::arg("paper"),
      "For each word, below which draws of 24 bits subsampling keeps it.");
  m.def("count_cooccurrences", &count, py::arg("ids").noconvert(),
        py::arg("sentence_offsets").noconvert(), py::arg("options"), py::arg("files"),
        py::kw_only(), py::arg("progress"),
        "Write the weighted counts of all pairs; where each row begins.");
}

}  // namespace embkit::bindings
