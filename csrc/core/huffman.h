#pragma once

#include <cstdint>
#include <vector>

#include "core/types.h"

namespace embkit {

// The Huffman tree over word counts, as hierarchical softmax walks it (Morin and Bengio 2005;
// Mikolov et al. 2013): num_words - 1 inner nodes, and for each word the inner nodes on its
// path from the root with the branch taken at each. Path lengths have no fixed limit.
// Immutable: threads share one tree freely.
class HuffmanTree {
 public:
  // Words of equal count are joined in falling order of `ties`, a number for each word: code
  // lengths are optimal for any, but words that are near in `ties` share more of their paths.
  // Throws std::invalid_argument unless there are at least two counts, all positive, and
  // their sum is below 2^63.
  HuffmanTree(const std::vector<int64_t>& counts, const std::vector<uint64_t>& ties);

  struct Path {
    const uint32_t* nodes;    // [length], root first
    const uint8_t* branches;  // [length], 0 or 1
    int length;
  };
  Path path(WordId word) const {
    const int64_t begin = offsets_[word];
    return {nodes_.data() + begin, branches_.data() + begin,
            static_cast<int>(offsets_[word + 1] - begin)};
  }
  Index num_words() const { return static_cast<Index>(offsets_.size()) - 1; }
  Index num_nodes() const { return num_words() - 1; }
  int longest_path() const { return longest_path_; }

 private:
  std::vector<int64_t> offsets_;  // [num_words + 1]
  std::vector<uint32_t> nodes_;
  std::vector<uint8_t> branches_;
  int longest_path_ = 0;
};

}  // namespace embkit
