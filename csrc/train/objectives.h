#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/alias_table.h"
#include "core/huffman.h"
#include "core/random.h"
#include "core/types.h"

namespace embkit {

// The output rows of one block step, with their labels; the offset of each one's logits and
// how often its loss counts where the objective is corrected.
struct Targets {
  std::vector<WordId> rows;
  std::vector<uint8_t> labels;
  std::vector<float> offsets;
  std::vector<float> weights;
  int count = 0;

  explicit Targets(int capacity)
      : rows(static_cast<size_t>(capacity)),
        labels(static_cast<size_t>(capacity)),
        offsets(static_cast<size_t>(capacity)),
        weights(static_cast<size_t>(capacity)) {}
  void clear() { count = 0; }
  void add(WordId row, uint8_t label) {
    rows[static_cast<size_t>(count)] = row;
    labels[static_cast<size_t>(count)] = label;
    ++count;
  }
  void add(WordId row, uint8_t label, float offset, float weight) {
    offsets[static_cast<size_t>(count)] = offset;
    weights[static_cast<size_t>(count)] = weight;
    add(row, label);
  }
};

// An objective says which output rows a centre word is trained against, in two stages, so that
// what it looks up is on its way from memory before it is needed. It is a struct with
//   max_draws(), max_targets()             the longest lists it makes
//   prepare(center, state, first, draws)   stores its draws first, first + 1, ... of a position
//   find(center, draws, out)               fills `out` from them
//   kHotTargets                            leading rows that every centre shares: no prefetch
//   kIsCorrected                           its targets have offsets and weights
// Const calls are safe from any thread.

// Negative sampling (Mikolov et al. 2013, equation 4): the centre against `negatives` words of
// the noise distribution. A negative equal to the centre is dropped, as word2vec.c does; one
// drawn twice stands twice.
struct NegativeSampling {
  static constexpr bool kIsCorrected = false;
  static constexpr int kHotTargets = 0;
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

// Noise-contrastive estimation (Gutmann and Hyvarinen 2010; Mnih and Teh 2012): the centre
// against words of the noise distribution Q, as negative sampling but with log k Q(w) taken
// from the score of each, k being how many noise words stand against one centre. A noise word
// equal to the centre stays: the scores tend to log p(w|c) only where the noise does not depend
// on the data. With offsets of 0 and such words dropped it is negative sampling.
//
// A block of centres can share noise words (Zoph et al. 2016; Jozefowicz et al. 2016): as many
// as are drawn stand in for `negatives` of them, so each counts negatives / draws.
struct NoiseContrastive {
  static constexpr bool kIsCorrected = true;
  static constexpr int kHotTargets = 0;
  AliasTable noise;
  int draws;                   // noise words of a list
  float weight;                // of each
  bool keeps_center;           // among the noise
  std::vector<float> offsets;  // [num_words]

  int max_draws() const { return draws; }
  int max_targets() const { return draws + 1; }

  void prepare(WordId center, uint64_t state, uint64_t first, uint64_t* out) const {
    __builtin_prefetch(&offsets[center]);
    for (int i = 0; i < draws; ++i) {
      out[i] = further_draw(state, first + static_cast<uint64_t>(i));
      noise.prefetch(out[i]);
    }
  }

  void find(WordId center, const uint64_t* drawn, Targets& out) const {
    out.clear();
    out.add(center, 1, offsets[center], 1);
    for (int i = 0; i < draws; ++i) {
      const WordId word = noise.sample(drawn[i]);
      if (word != center || keeps_center) out.add(word, 0, offsets[word], weight);
    }
  }

  // The noise words of a block, in the order of their first draws; one drawn twice stands once,
  // with twice the weight.
  void find_shared(uint64_t state, uint64_t first, Targets& out) const {
    out.clear();
    for (int i = 0; i < draws; ++i) {
      const WordId word = noise.sample(further_draw(state, first + static_cast<uint64_t>(i)));
      const auto end = out.rows.begin() + out.count;
      const auto found = std::find(out.rows.begin(), end, word);
      if (found != end) {
        out.weights[static_cast<size_t>(found - out.rows.begin())] += weight;
      } else {
        out.add(word, 0, offsets[word], weight);
      }
    }
  }

  // The centre against the noise words of its block.
  void join(WordId center, const Targets& shared, Targets& out) const {
    out.clear();
    out.add(center, 1, offsets[center], 1);
    for (size_t i = 0; i < static_cast<size_t>(shared.count); ++i) {
      if (shared.rows[i] == center && !keeps_center) continue;
      out.add(shared.rows[i], 0, shared.offsets[i], shared.weights[i]);
    }
  }
};

// Hierarchical softmax (Morin and Bengio 2005; Mikolov et al. 2013, equation 3): the inner
// nodes on the centre's path, each with the probability of branch 0.
struct HierarchicalSoftmax {
  static constexpr bool kIsCorrected = false;
  static constexpr int kHotTargets = 6;
  HuffmanTree tree;

  int max_draws() const { return 0; }
  int max_targets() const { return tree.longest_path(); }

  // How often each node is met where each word is a centre so often: they are numbered from
  // leaves to root.
  std::vector<double> expected_uses(const std::vector<double>& centers) const {
    std::vector<double> uses(static_cast<size_t>(tree.num_nodes()));
    for (size_t word = 0; word < centers.size(); ++word) {
      const HuffmanTree::Path path = tree.path(static_cast<WordId>(word));
      for (int i = 0; i < path.length; ++i) uses[path.nodes[i]] += centers[word];
    }
    return uses;
  }

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
