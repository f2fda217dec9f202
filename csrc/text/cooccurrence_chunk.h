#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/types.h"
#include "text/cooccurrence.h"
#include "text/kept_tokens.h"

namespace embkit {

// The centres of a range of positions, sorted by row, each with the words around it. A word
// without a row stands as row `num_rows`. Owns its copy of the range.
class CooccurrenceChunk {
 public:
  struct Center {
    uint32_t place;   // in words()
    uint16_t before;  // words of its sentence's window before it
    uint16_t after;
  };
  // Calls its argument once for each worker, at the same time.
  using Body = std::function<void(int worker, const std::atomic<bool>& stop)>;
  using Parallel = std::function<void(const Body&)>;

  CooccurrenceChunk(const EncodedText& text, const CooccurrenceOptions& options);

  // Takes positions [begin, end), at most chunk_tokens. One call at a time; nothing may be
  // read where it was stopped.
  void fill(Index begin, Index end, const Parallel& parallel);

  const WordId* words() const { return words_.get(); }
  const Center* begin(Index row) const {
    return centers_.get() + row_begins_[static_cast<size_t>(row)];
  }
  const Center* end(Index row) const { return begin(row + 1); }

 private:
  enum class Pass { kCount, kPlace };

  void read_piece(const KeptTokens& tokens, Index first_place, Pass pass, uint32_t* row_places);
  void sum_counts();
  WordId row_of(const KeptTokens::Token& token) const;

  const EncodedText text_;
  const CooccurrenceOptions& options_;
  const EpochRandom random_;
  const int window_;
  const std::vector<uint32_t> keep_below_;  // of the tokens from which windows are made
  Index piece_room_;
  std::unique_ptr<WordId[]> words_;
  std::unique_ptr<Center[]> centers_;
  std::vector<uint32_t> row_begins_;
  std::vector<std::vector<uint32_t>> row_places_;  // of each worker: counts, then places
};

}  // namespace embkit
