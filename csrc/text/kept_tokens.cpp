#include "text/kept_tokens.h"

#include <algorithm>

namespace embkit {

void KeptTokens::fill(Index begin, Index end, const EpochRandom& random) {
  size_ = 0;
  // One more than can be kept: add_range writes a token before it knows whether it stays.
  const size_t most = static_cast<size_t>(end - begin) + 2 * static_cast<size_t>(window_) + 1;
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
  Token* out = tokens_.data() + size_;
  for (Index position = begin; position < end; ++position) {  // no branch to mispredict
    const uint64_t state = random.at(static_cast<uint64_t>(position));
    out->state = state;
    out->position = position;
    out->word = text_.ids[position];
    out->is_center = is_center;
    out += keep(position, state);
  }
  size_ = static_cast<size_t>(out - tokens_.data());
}

void KeptTokens::add_before(Index begin, Index sentence_begin, const EpochRandom& random) {
  Index position = begin;
  for (int found = 0; found < window_ && position > sentence_begin;) {
    --position;
    found += keep(position, random.at(static_cast<uint64_t>(position)));
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
