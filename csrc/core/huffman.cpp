#include "core/huffman.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace embkit {
namespace {

// A node's parent and the branch that leads to it; leaves come first, then the inner nodes in
// the order of their making.
struct Link {
  uint32_t parent;
  uint8_t branch;
};

void check(const std::vector<int64_t>& counts, const std::vector<uint64_t>& ties) {
  if (ties.size() != counts.size()) {
    throw std::invalid_argument("ties must be as many as counts, got " +
                                std::to_string(ties.size()));
  }
  if (counts.size() < 2 || counts.size() > (uint64_t{1} << 31)) {
    throw std::invalid_argument("hierarchical softmax needs from 2 to 2^31 words, got " +
                                std::to_string(counts.size()));
  }
  uint64_t sum = 0;  // of at most 2^63 and a count below 2^63: cannot wrap
  for (size_t row = 0; row < counts.size(); ++row) {
    const int64_t count = counts[row];
    if (count < 1) {
      throw std::invalid_argument("counts must be at least 1, got " + std::to_string(count) +
                                  " in row " + std::to_string(row));
    }
    sum += static_cast<uint64_t>(count);
    if (sum >> 63 != 0) throw std::invalid_argument("counts must have a sum below 2^63");
  }
}

// The two-queue construction: leaves by rising count, inner nodes in the order of making, and
// always the two lightest heads joined. Of equal weights the inner node goes first, as in
// word2vec.c.
std::vector<Link> build_links(const std::vector<int64_t>& counts,
                              const std::vector<uint64_t>& ties) {
  const size_t num_words = counts.size();
  std::vector<uint32_t> leaves(num_words);
  std::iota(leaves.begin(), leaves.end(), 0);
  std::stable_sort(leaves.begin(), leaves.end(), [&](uint32_t a, uint32_t b) {
    return counts[a] != counts[b] ? counts[a] < counts[b] : ties[a] > ties[b];
  });

  std::vector<int64_t> weights;  // of the inner nodes: exact, for doubles misjudge near ties
  weights.reserve(num_words - 1);
  std::vector<Link> links(2 * num_words - 1);
  size_t next_leaf = 0, next_inner = 0;
  const auto pop = [&](int64_t* weight) {
    const bool take_leaf =
        next_leaf < num_words &&
        (next_inner == weights.size() || counts[leaves[next_leaf]] < weights[next_inner]);
    *weight = take_leaf ? counts[leaves[next_leaf]] : weights[next_inner];
    return take_leaf ? leaves[next_leaf++] : static_cast<uint32_t>(num_words + next_inner++);
  };
  for (size_t made = 0; made + 1 < num_words; ++made) {
    int64_t light = 0, heavy = 0;
    const uint32_t first = pop(&light);
    const uint32_t second = pop(&heavy);
    const auto parent = static_cast<uint32_t>(num_words + made);
    links[first] = {parent, 0};
    links[second] = {parent, 1};
    weights.push_back(light + heavy);
  }
  return links;
}

}  // namespace

HuffmanTree::HuffmanTree(const std::vector<int64_t>& counts,
                         const std::vector<uint64_t>& ties) {
  check(counts, ties);
  const auto num_words = static_cast<uint32_t>(counts.size());
  const std::vector<Link> links = build_links(counts, ties);
  const uint32_t root = 2 * num_words - 2;

  offsets_.reserve(num_words + size_t{1});
  offsets_.push_back(0);
  for (uint32_t word = 0; word < num_words; ++word) {
    const auto begin = static_cast<int64_t>(nodes_.size());
    for (uint32_t node = word; node != root; node = links[node].parent) {
      nodes_.push_back(links[node].parent - num_words);
      branches_.push_back(links[node].branch);
    }
    std::reverse(nodes_.begin() + begin, nodes_.end());
    std::reverse(branches_.begin() + begin, branches_.end());
    offsets_.push_back(static_cast<int64_t>(nodes_.size()));
    longest_path_ = std::max(longest_path_, static_cast<int>(offsets_.back() - begin));
  }
}

}  // namespace embkit
