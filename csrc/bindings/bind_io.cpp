#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdlib>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "bindings/owning_index.h"
#include "bindings/python_source.h"
#include "core/workers.h"
#include "io/word2vec_binary.h"
#include "io/word2vec_text.h"
#include "io/write_rows.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

using Reader = WordVectors (*)(ByteReader&, ByteBudget&, const ReadOptions&);

py::array_t<float> matrix(WordVectors& table) {
  const auto rows = static_cast<py::ssize_t>(table.num_words());
  const auto dim = static_cast<py::ssize_t>(table.dim);
  float* data = table.vectors.release();
  const py::capsule owner(data, [](void* p) { std::free(p); });
  return py::array_t<float>({rows, dim}, data, owner);
}

py::dict to_dict(const ReadReport& report) {
  py::dict out;
  out["stated_rows"] = report.stated_rows;
  out["words_with_blanks"] = report.words_with_blanks;
  out["words_not_utf8"] = report.words_not_utf8;
  out["duplicate_words"] = report.duplicate_words;
  out["zero_vectors"] = report.zero_vectors;
  out["blank_lines"] = report.blank_lines;
  out["crlf_lines"] = report.crlf_lines;
  out["byte_order_mark"] = report.byte_order_mark;
  out["newlines_after_rows"] = report.newlines_after_rows;
  out["skipped_rows"] = report.skipped_rows;
  out["reached_end"] = report.reached_end;
  out["problem"] = py::bytes(report.problem);
  return out;
}

template <Reader read>
py::tuple read_words(const py::object& stream, const py::bytes& path, int64_t size,
                     uint64_t memory, bool lenient, int64_t limit, int threads) {
  PythonSource source(stream, lenient);
  ByteReader reader(source, path, size);
  ByteBudget budget(memory);
  WordVectors table = [&] {
    const py::gil_scoped_release unlocked;
    return read(reader, budget, {lenient, limit, threads});
  }();
  if (!source.cut().empty()) table.report.problem = source.cut();
  const py::array_t<float> vectors = matrix(table);
  const py::array_t<uint8_t> words = to_array<uint8_t>(std::move(table.words));
  const py::array_t<uint64_t> offsets = to_array(std::move(table.offsets));
  OwningIndex index{words, offsets, std::move(*table.index)};  // moved along with both
  return py::make_tuple(words, offsets, vectors, std::move(index), to_dict(table.report));
}

RowsView rows_view(const Array<uint8_t>& words, const Array<uint64_t>& offsets,
                   const Array<float>& vectors, uint64_t begin, uint64_t end) {
  check_dims(vectors, "vectors", 2);
  const auto num_rows = static_cast<uint64_t>(vectors.shape(0));
  if (static_cast<uint64_t>(offsets.size()) != num_rows + 1 || begin > end || end > num_rows) {
    throw std::invalid_argument("offsets must have an entry per row and one more");
  }
  for (uint64_t row = begin; row <= end; ++row) {
    const uint64_t offset = offsets.data()[row];
    const bool descends = row > begin && offset < offsets.data()[row - 1];
    if (descends || offset > static_cast<uint64_t>(words.size())) {
      throw std::invalid_argument("offsets must ascend to at most the words' length");
    }
  }
  const auto dim = static_cast<uint64_t>(vectors.shape(1));
  return {words.data(), offsets.data() + begin, vectors.data() + begin * dim, end - begin, dim};
}

// Formats equal parts on several threads and joins them.
template <typename Format>
py::bytes format_rows(const RowsView& rows, int threads, const Format& format) {
  const auto num_parts = static_cast<uint64_t>(threads);
  std::vector<std::string> parts(num_parts);
  {
    const py::gil_scoped_release unlocked;
    const auto format_part = [&](int i, const std::atomic<bool>&) {
      const auto part = static_cast<uint64_t>(i);
      const uint64_t first = rows.num_rows * part / num_parts;
      const uint64_t last = rows.num_rows * (part + 1) / num_parts;
      parts[part] = format(RowsView{rows.words, rows.offsets + first,
                                    rows.vectors + first * rows.dim, last - first, rows.dim});
    };
    run_workers(threads, format_part, [] { return true; });
  }
  size_t size = 0;
  for (const std::string& part : parts) size += part.size();
  auto joined = py::reinterpret_steal<py::bytes>(
      PyBytes_FromStringAndSize(nullptr, static_cast<py::ssize_t>(size)));
  if (!joined) throw py::error_already_set();
  char* to = PyBytes_AS_STRING(joined.ptr());
  for (const std::string& part : parts) to = std::copy(part.begin(), part.end(), to);
  return joined;
}

py::bytes format_text(const Array<uint8_t>& words, const Array<uint64_t>& offsets,
                      const Array<float>& vectors, uint64_t begin, uint64_t end, int threads) {
  return format_rows(rows_view(words, offsets, vectors, begin, end), threads, format_text_rows);
}

py::bytes pack_binary(const Array<uint8_t>& words, const Array<uint64_t>& offsets,
                      const Array<float>& vectors, uint64_t begin, uint64_t end, bool newline) {
  const auto pack = [&](const RowsView& rows) { return pack_binary_rows(rows, newline); };
  return format_rows(rows_view(words, offsets, vectors, begin, end), 1, pack);
}

template <Reader read>
void bind_reader(py::module_& m, const char* name, const char* text) {
  m.def(name, &read_words<read>, py::arg("stream"), py::arg("path"), py::kw_only(),
        py::arg("size"), py::arg("memory"), py::arg("lenient"), py::arg("limit"),
        py::arg("threads"), text);
}

}  // namespace

void bind_io(py::module_& m) {
  bind_reader<read_word2vec_text>(m, "read_word2vec_text",
                                  "Words, offsets, vectors, index and report of a text file.");
  bind_reader<read_word2vec_binary>(
      m, "read_word2vec_binary", "Words, offsets, vectors, index and report of a binary file.");
  m.def("format_text_rows", &format_text, py::arg("words").noconvert(),
        py::arg("offsets").noconvert(), py::arg("vectors").noconvert(), py::arg("begin"),
        py::arg("end"), py::kw_only(), py::arg("threads"), "Lines of word2vec text.");
  m.def("pack_binary_rows", &pack_binary, py::arg("words").noconvert(),
        py::arg("offsets").noconvert(), py::arg("vectors").noconvert(), py::arg("begin"),
        py::arg("end"), py::kw_only(), py::arg("newline"), "Rows of word2vec binary.");
}

}  // namespace embkit::bindings
