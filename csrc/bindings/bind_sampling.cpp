#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "core/alias_table.h"
#include "core/huffman.h"
#include "core/random.h"
#include "core/shared_mean.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

// Draw `draw` of positions 0, 1, 2, ... as the trainers see them.
py::array_t<uint64_t> random_draws(uint64_t seed, uint64_t epoch, py::ssize_t count,
                                   uint64_t draw) {
  py::array_t<uint64_t> draws(count);
  uint64_t* out = draws.mutable_data();
  const EpochRandom random(seed, epoch);
  for (py::ssize_t i = 0; i < count; ++i) {
    const uint64_t state = random.at(static_cast<uint64_t>(i));
    out[i] = draw == 0 ? state : further_draw(state, draw);
  }
  return draws;
}

py::array_t<WordId> sample(const AliasTable& table, const Array<uint64_t>& draws) {
  py::array_t<WordId> ids(draws.size());
  WordId* out = ids.mutable_data();
  for (py::ssize_t i = 0; i < draws.size(); ++i) out[i] = table.sample(draws.data()[i]);
  return ids;
}

py::tuple path(const HuffmanTree& tree, WordId word) {
  if (word >= tree.num_words()) throw py::index_error("word is beyond the tree");
  const HuffmanTree::Path path = tree.path(word);
  return py::make_tuple(py::array_t<uint32_t>(path.length, path.nodes),
                        py::array_t<uint8_t>(path.length, path.branches));
}

}  // namespace

void bind_sampling(py::module_& m) {
  m.def("random_draws", &random_draws, py::arg("seed"), py::arg("epoch"), py::arg("count"),
        py::kw_only(), py::arg("draw"), "Draw number ``draw`` of positions 0 to count - 1.");

  py::class_<AliasTable>(m, "AliasTable", "Constant-time draws from fixed weights.")
      .def(
          py::init([](const Array<double>& weights) { return AliasTable(to_vector(weights)); }),
          py::arg("weights"))
      .def("sample", &sample, py::arg("draws"), "The word id that each 64-bit draw picks.")
      .def("__len__", [](const AliasTable& table) { return table.slots().size(); });

  py::class_<SharedMean>(m, "SharedMean", "A value that workers learn at a time.")
      .def(py::init<double>(), py::arg("value"))
      .def("join", &SharedMean::join, py::arg("copy"), py::arg("count"),
           "Take in the copy of one of ``count`` workers, and return the mean.");

  py::class_<HuffmanTree>(m, "HuffmanTree", "The tree that hierarchical softmax walks.")
      .def(py::init([](const Array<int64_t>& counts, const Array<uint64_t>& ties) {
             return HuffmanTree(to_vector(counts), to_vector(ties));
           }),
           py::arg("counts"), py::arg("ties"))
      .def("path", &path, py::arg("word"), "Inner nodes from the root, and the branch at each.")
      .def_property_readonly("num_nodes", &HuffmanTree::num_nodes)
      .def("__len__", &HuffmanTree::num_words);
}

}  // namespace embkit::bindings
