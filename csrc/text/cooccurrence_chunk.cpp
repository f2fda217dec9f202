#include "text/cooccurrence_chunk.h"

#include <algorithm>

#include "text/vocabulary.h"

namespace embkit {
namespace {

constexpr uint32_t kKeepAll = 1u << 24;

// What is there to make windows of: where places are kept, every token of a word with a row.
std::vector<uint32_t> kept_before_windows(const CooccurrenceOptions& options) {
  std::vector<uint32_t> keep_below = options.keep_below;
  for (size_t id = 0; options.keeps_places && id < keep_below.size(); ++id) {
    if (options.row_of[id] != kDropped) keep_below[id] = kKeepAll;
  }
  return keep_below;
}

Index num_pieces(Index tokens, Index piece) { return (tokens + piece - 1) / piece; }

}  // namespace

CooccurrenceChunk::CooccurrenceChunk(const EncodedText& text,
                                     const CooccurrenceOptions& options)
    : text_(text),
      options_(options),
      random_(options.seed, 0),
      window_(static_cast<int>(std::max(options.before.size(), options.after.size()))),
      keep_below_(kept_before_windows(options)),
      piece_room_(options.piece_tokens + 2 * window_) {
  const Index most = std::min(options.chunk_tokens, text.num_tokens);
  const Index room = num_pieces(most, options.piece_tokens) * piece_room_;
  words_.reset(new WordId[static_cast<size_t>(room)]);  // touched only as far as it is used
  centers_.reset(new Center[static_cast<size_t>(most)]);
  row_begins_.resize(static_cast<size_t>(options.num_rows) + 1);
  row_places_.resize(static_cast<size_t>(options.num_threads));
  for (auto& places : row_places_) places.resize(static_cast<size_t>(options.num_rows) + 1);
}

void CooccurrenceChunk::fill(Index begin, Index end, const Parallel& parallel) {
  // Each worker has its own run of pieces, the same in both passes.
  const Index pieces = num_pieces(end - begin, options_.piece_tokens);
  const auto bound = [&](int worker) {
    const Index piece = pieces * worker / options_.num_threads;
    return std::min(end, begin + piece * options_.piece_tokens);
  };
  for (const Pass pass : {Pass::kCount, Pass::kPlace}) {
    parallel([&](int worker, const std::atomic<bool>& stop) {
      const Index first = bound(worker);
      auto& places = row_places_[static_cast<size_t>(worker)];
      if (pass == Pass::kCount) std::fill(places.begin(), places.end(), 0);
      KeptTokens tokens(text_, keep_below_, window_);
      for (Index at = first; at < bound(worker + 1) && !stop; at += options_.piece_tokens) {
        tokens.fill(at, std::min(at + options_.piece_tokens, end), random_);
        read_piece(tokens, (at - begin) / options_.piece_tokens * piece_room_, pass,
                   places.data());
      }
    });
    if (pass == Pass::kCount) sum_counts();
  }
}

WordId CooccurrenceChunk::row_of(const KeptTokens::Token& token) const {
  const WordId row = options_.row_of[token.word];
  const bool stays = row != kDropped && (token.state >> 40) < options_.keep_below[token.word];
  return stays ? row : static_cast<WordId>(options_.num_rows);
}

void CooccurrenceChunk::read_piece(const KeptTokens& tokens, Index first_place, Pass pass,
                                   uint32_t* row_places) {
  const auto before = static_cast<uint32_t>(options_.before.size());
  const auto after = static_cast<uint32_t>(options_.after.size());
  const auto place = static_cast<uint32_t>(first_place);
  for (uint32_t i = 0; i < tokens.size(); ++i) {
    const KeptTokens::Token& token = tokens[i];
    const WordId row = row_of(token);
    if (pass == Pass::kCount) {
      words_[place + i] = row;
      row_places[row] += token.is_center;
    } else if (token.is_center && row < options_.num_rows) {
      centers_[row_places[row]++] = {
          place + i, static_cast<uint16_t>(std::min(before, i - token.first)),
          static_cast<uint16_t>(std::min(after, token.last - 1 - i))};
    }
  }
}

void CooccurrenceChunk::sum_counts() {
  uint32_t end = 0;
  for (size_t row = 0; row + 1 < row_begins_.size(); ++row) {
    row_begins_[row] = end;
    for (auto& places : row_places_) {
      const uint32_t count = places[row];
      places[row] = end;
      end += count;
    }
  }
  row_begins_.back() = end;
}

}  // namespace embkit
