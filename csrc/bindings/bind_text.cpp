#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "bindings/owning_index.h"
#include "bindings/python_words.h"
#include "core/word_index.h"
#include "text/digest.h"
#include "text/vocabulary.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

std::string digest_hex(const py::array& array, int threads) {
  if ((array.flags() & py::array::c_style) == 0) {
    throw std::invalid_argument("array must be C-contiguous, got another layout");
  }
  const void* const data = array.data();
  const auto size = static_cast<size_t>(array.nbytes());
  std::array<uint64_t, 2> parts{};
  {
    const py::gil_scoped_release unlocked;
    parts = digest(data, size, threads, [] {
      const py::gil_scoped_acquire locked;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      return true;
    });
  }
  std::string hex;
  for (const uint64_t part : parts) {
    for (int shift = 60; shift >= 0; shift -= 4) hex += "0123456789abcdef"[part >> shift & 15];
  }
  return hex;
}

WordIndex make_index(const Array<uint8_t>& data, const Array<uint64_t>& offsets) {
  if (offsets.size() < 1)
    throw std::invalid_argument("word offsets must not be empty, got none");
  const auto* const bytes = reinterpret_cast<const char*>(data.data());
  const auto data_size = static_cast<size_t>(data.size());
  const uint64_t* const places = offsets.data();
  const auto num_words = static_cast<size_t>(offsets.size()) - 1;
  const py::gil_scoped_release unlocked;
  return WordIndex(bytes, data_size, places, num_words);
}

int64_t find(const OwningIndex& words, py::handle word) {
  return is_word(word) ? words.index.find(Word(word).bytes()) : -1;
}

py::array_t<int64_t> find_all(const OwningIndex& words, const py::iterable& queries) {
  std::vector<int64_t> rows;
  for (const py::handle word : queries) {
    if (!is_word(word)) {
      throw py::type_error("a word must be str or bytes, got " +
                           std::string(Py_TYPE(word.ptr())->tp_name));
    }
    rows.push_back(words.index.find(Word(word).bytes()));
  }
  return to_array(std::move(rows));
}

// As the passes over a corpus join their workers' tables, here given as {word: count}.
py::tuple select(const std::vector<py::dict>& tables, int64_t min_count, int64_t max_words) {
  const HashKey key = random_hash_key();
  std::vector<WordTable> counted;
  for (const py::dict& table : tables) {
    counted.emplace_back(key);
    for (const auto& [word, count] : table) {
      const Word bytes(word);
      counted.back().add(hash_word(key, bytes.bytes()), count.cast<int64_t>());
    }
  }
  Vocabulary chosen = select_words(counted, min_count, max_words, [] {});
  return py::make_tuple(to_array(std::move(chosen.data)), to_array(std::move(chosen.offsets)),
                        to_array(std::move(chosen.counts)));
}

}  // namespace

void bind_text(py::module_& m) {
  m.def("digest", &digest_hex, py::arg("array"), py::kw_only(), py::arg("threads"),
        "A fast 128-bit digest of an array's bytes, in hexadecimal.");

  m.def("select_words", &select, py::arg("tables"), py::kw_only(), py::arg("min_count"),
        py::arg("max_words"), "The rows of the words of several {word: count} tables.");

  py::class_<OwningIndex>(m, "WordIndex", "Finds the row of a word; the first of equal ones.")
      .def(py::init([](const Array<uint8_t>& data, const Array<uint64_t>& offsets) {
             return OwningIndex{data, offsets, make_index(data, offsets)};
           }),
           py::arg("data").noconvert(), py::arg("offsets").noconvert())
      .def("find", &find, py::arg("word"), "The row of a str or bytes word, or -1.")
      .def("find_all", &find_all, py::arg("words"), "The row of each word, or -1.")
      .def_property_readonly("num_duplicates",
                             [](const OwningIndex& w) { return w.index.duplicates().size(); });
}

}  // namespace embkit::bindings
