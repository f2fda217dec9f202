#include "text/kept_tokens.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

namespace embkit {

void check_text(const EncodedText& text, size_t num_words) {
  if (text.num_tokens < 1) throw std::invalid_argument("ids must not be empty");
  const uint64_t* offsets = text.sentence_offsets;
  if (offsets[0] != 0 ||
      offsets[text.num_sentences] != static_cast<uint64_t>(text.num_tokens) ||
      !std::is_sorted(offsets, offsets + text.num_sentences + 1)) {
    throw std::invalid_argument("sentence_offsets must rise from 0 to the number of ids");
  }
  const WordId highest = *std::max_element(text.ids, text.ids + text.num_tokens);
  if (highest >= num_words) {
    throw std::invalid_argument("ids must be below " + std::to_string(num_words) + ", got " +
                                std::to_string(highest));
  }
}

std::vector<uint32_t> keep_thresholds(const std::vector<int64_t>& counts, double subsample,
                                      bool paper) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<uint32_t> thresholds(counts.size());
  for (size_t word = 0; word < counts.size(); ++word) {
    const double ratio = subsample * total / static_cast<double>(counts[word]);
    const double keep = subsample > 0 ? std::sqrt(ratio) + (paper ? 0 : ratio) : 1;
    thresholds[word] = static_cast<uint32_t>(std::ceil(std::min(keep, 1.0) * 0x1p24));
  }
  return thresholds;
}

KeptTokens::KeptTokens(const EncodedText& text, const std::vector<uint32_t>& keep_below,
                       int window)
    : text_(text), rule_{keep_below.data(), 0}, window_(window) {
  const auto other = std::find_if(keep_below.rbegin(), keep_below.rend(),
                                  [&](uint32_t entry) { return entry != keep_below.back(); });
  rule_.tail = static_cast<WordId>(keep_below.rend() - other);
}

void KeptTokens::fill(Index begin, Index end, const EpochRandom& random) {
  size_ = 0;
  // Two windows beyond what can be kept, and one more: add_range writes a token before it knows
  // whether it stays.
  const size_t most = static_cast<size_t>(end - begin) + 4 * static_cast<size_t>(window_) + 1;
  if (tokens_.size() < most) tokens_.resize(most);

  const uint64_t* const offsets = text_.sentence_offsets;
  const uint64_t* const last_offset = offsets + text_.num_sentences;
  const uint64_t* sentence =
      std::upper_bound(offsets, last_offset + 1, static_cast<uint64_t>(begin)) - 1;
  for (; sentence < last_offset && static_cast<Index>(*sentence) < end; ++sentence) {
    const auto sentence_begin = static_cast<Index>(sentence[0]);
    const auto sentence_end = static_cast<Index>(sentence[1]);
    const size_t first = size_;
    if (sentence_begin < begin) add_before(begin, sentence_begin, random);
    add_range(std::max(begin, sentence_begin), std::min(end, sentence_end), random, true);
    if (sentence_end > end) add_after(end, sentence_end, random);
    for (size_t i = first; i < size_; ++i) {
      tokens_[i].first = static_cast<uint32_t>(first);
      tokens_[i].last = static_cast<uint32_t>(size_);
    }
  }
}

void KeptTokens::add_range(Index begin, Index end, const EpochRandom& random, bool is_center) {
  const WordId* const ids = text_.ids;
  const Rule rule = rule_;
  Token* out = tokens_.data() + size_;
  for (Index position = begin; position < end; ++position) {  // no branch to mispredict
    const uint64_t state = random.at(static_cast<uint64_t>(position));
    out->state = state;
    out->position = position;
    out->word = ids[position];
    out->is_center = is_center;
    out += rule.keeps(ids[position], state);
  }
  size_ = static_cast<size_t>(out - tokens_.data());
}

void KeptTokens::add_before(Index begin, Index sentence_begin, const EpochRandom& random) {
  Index position = begin;
  for (int found = 0; found < window_ && position > sentence_begin;) {
    --position;
    found += rule_.keeps(text_.ids[position], random.at(static_cast<uint64_t>(position)));
  }
  add_range(position, begin, random, false);  // once more, forwards
}

void KeptTokens::add_after(Index end, Index sentence_end, const EpochRandom& random) {
  const size_t enough = size_ + static_cast<size_t>(window_);
  for (Index position = end; size_ < enough && position < sentence_end; ++position) {
    add_range(position, position + 1, random, false);
  }
}

}  // namespace embkit
