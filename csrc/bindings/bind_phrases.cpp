#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <vector>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "bindings/owning_index.h"
#include "text/phrases.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

using Pairs = std::tuple<Array<WordId>, Array<WordId>, Array<WordId>, Array<float>>;

PairTable make_table(const Pairs& arrays) {
  const auto& [left, right, joined, scores] = arrays;
  if (left.size() != right.size() || left.size() != joined.size() ||
      left.size() != scores.size()) {
    throw std::invalid_argument("the arrays of pairs must be of one length");
  }
  std::vector<PairTable::Pair> pairs;
  for (py::ssize_t i = 0; i < left.size(); ++i) {
    pairs.push_back({left.at(i), right.at(i), joined.at(i), scores.at(i)});
  }
  return PairTable(pairs);
}

Segmentation to_segmentation(bool optimal) {
  return optimal ? Segmentation::kOptimal : Segmentation::kGreedy;
}

// Joins pairs in each of some sentences; the new ids and bounds, which begin at 0.
py::tuple join_ids(const Array<WordId>& ids, const Array<uint64_t>& bounds, const Pairs& pairs,
                   bool optimal) {
  check_dims(ids, "ids", 1);
  check_dims(bounds, "bounds", 1);
  const PairTable table = make_table(pairs);
  const WordId* const words = ids.data();
  const uint64_t* const places = bounds.data();
  const py::ssize_t num_sentences = bounds.size() - 1;
  std::vector<WordId> joined;
  std::vector<uint64_t> ends{0};
  {
    const py::gil_scoped_release unlocked;
    std::vector<Unit> units;
    for (py::ssize_t s = 0; s < num_sentences; ++s) {
      units.clear();
      for (uint64_t i = places[s]; i < places[s + 1]; ++i) units.push_back({words[i], 0});
      join_pairs(table, to_segmentation(optimal), units);
      for (const Unit& unit : units) joined.push_back(unit.id);
      ends.push_back(joined.size());
    }
  }
  return py::make_tuple(to_array(std::move(joined)), to_array(std::move(ends)));
}

std::unique_ptr<PhraseJoiner> make_joiner(const OwningIndex& words,
                                          const std::vector<Pairs>& passes, bool optimal,
                                          const std::string& delimiter) {
  std::vector<PairTable> tables;
  for (const Pairs& pairs : passes) tables.push_back(make_table(pairs));
  return std::make_unique<PhraseJoiner>(words.index, std::move(tables),
                                        to_segmentation(optimal), delimiter);
}

py::bytes join_text(const PhraseJoiner& joiner, const py::bytes& text) {
  const auto view = static_cast<std::string_view>(text);
  std::string joined;
  {
    const py::gil_scoped_release unlocked;
    joined = joiner.join(view);
  }
  return joined;
}

}  // namespace

void bind_phrases(py::module_& m) {
  m.def("join_ids", &join_ids, py::arg("ids").noconvert(), py::arg("bounds").noconvert(),
        py::arg("pairs"), py::kw_only(), py::arg("optimal"),
        "Join pairs of neighbours in the sentences between bounds.");

  py::class_<PhraseJoiner>(m, "PhraseJoiner", "Joins words of text, pass after pass.")
      .def(py::init(&make_joiner), py::arg("words"), py::arg("passes"), py::kw_only(),
           py::arg("optimal"), py::arg("delimiter"), py::keep_alive<1, 2>())
      .def(
          "segment",
          [](const PhraseJoiner& joiner, const Array<WordId>& ids) {
            return to_array(joiner.segment(to_vector(ids)));
          },
          py::arg("ids").noconvert(), "With which token each unit begins.")
      .def("join", &join_text, py::arg("text"), "Whole lines with their phrases joined.");
}

}  // namespace embkit::bindings
