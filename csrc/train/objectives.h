#pragma once

#include <cstdint>
#include <vector>

#include "core/alias_table.h"
#include "core/huffman.h"
#include "core/random.h"
#include "core/types.h"

namespace embkit {

// The output rows of one block step, with their labels.
struct Targets {
  std::vector<WordId> rows;
  std::vector<uint8_t> labels;
  int count = 0;

  explicit Targets(int capacity)
      : rows(static_cast<size_t>(capacity)), labels(static_cast<size_t>(capacity)) {}
  void clear() { count = 0; }
  void add(WordId row, uint8_t label) {
    rows[static_cast<size_t>(count)] = row;
    labels[static_cast<size_t>(count)] = label;
    ++count;
  }
};

// An objective says which output rows a centre word is trained against, in two stages, so that
// what it looks up is on its way from memory before it is needed. It is a struct with
//   max_draws(), max_targets()             the longest lists it makes
//   prepare(center, state, first, draws)   stores its draws first, first + 1, ... of a position
//   find(center, draws, out)               fills `out` from them
//   kHotTargets                            leading rows that every centre shares: no prefetch
//   kHotRows                               last rows of the matrix that most centres meet
// Const calls are safe from any thread.

// Negative sampling (Mikolov et al. 2013, equation 4): the centre against `negatives` words of
// the noise distribution. A negative equal to the centre is dropped, as word2vec.c does; one
// drawn twice stands twice.
struct NegativeSampling {
  static constexpr int kHotTargets = 0;
  static constexpr Index kHotRows = 0;
  AliasTable noise;
  int negatives;

  int max_draws() const { return negatives; }
  int max_targets() const { return negatives + 1; }

  void prepare(WordId, uint64_t state, uint64_t first, uint64_t* draws) const {
    for (int i = 0; i < negatives; ++i) {
      draws[i] = further_draw(state, first + static_cast<uint64_t>(i));
      noise.prefetch(draws[i]);
    }
  }

  void find(WordId center, const uint64_t* draws, Targets& out) const {
    out.clear();
    out.add(center, 1);
    for (int i = 0; i < negatives; ++i) {
      const WordId word = noise.sample(draws[i]);
      if (word != center) out.add(word, 0);
    }
  }
};

// Hierarchical softmax (Morin and Bengio 2005; Mikolov et al. 2013, equation 3): the inner
// nodes on the centre's path, each with the probability of branch 0.
struct HierarchicalSoftmax {
  static constexpr int kHotTargets = 6;
  static constexpr Index kHotRows = 64;  // nodes are numbered from the leaves to the root
  HuffmanTree tree;

  int max_draws() const { return 0; }
  int max_targets() const { return tree.longest_path(); }

  void prepare(WordId center, uint64_t, uint64_t, uint64_t*) const {
    const HuffmanTree::Path path = tree.path(center);
    __builtin_prefetch(path.nodes);
    __builtin_prefetch(path.branches);
  }

  void find(WordId center, const uint64_t*, Targets& out) const {
    const HuffmanTree::Path path = tree.path(center);
    out.clear();
    for (int i = 0; i < path.length; ++i) {
      out.add(path.nodes[i], static_cast<uint8_t>(1 - path.branches[i]));
    }
  }
};

}  // namespace embkit
