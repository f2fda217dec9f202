#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/types.h"

namespace embkit {

struct InductionOptions {
  Index num_sources = 0;
  Index num_targets = 0;
  Index neighborhood = 0;       // similarities that a mean is taken of, on each side
  double keep_probability = 1;  // of a pair of words, in this pass
  uint64_t seed = 0;
  uint64_t pass = 0;  // another pass keeps other pairs
  int num_threads = 1;
};

// A block of similarities, row-major and without gaps: sources first_source .. + num_sources
// with targets first_target .. + num_targets.
struct SimilarityTile {
  const float* similarities;
  Index first_source;
  Index num_sources;
  Index first_target;
  Index num_targets;
};

// What one pass over all similarities of two vocabularies tells of each word of one side.
struct InductionSide {
  std::vector<int64_t> best;     // the word of the other side with the highest score; -1: none
  std::vector<float> strongest;  // the highest similarity
  std::vector<float> means;      // of the `neighborhood` highest similarities
};

// One pass of dictionary induction: for each word of either side, its best partner among the
// pairs that are kept, its highest similarity, and the mean of its highest similarities, all
// from the same tiles. A pair is kept or dropped by a draw keyed with (seed, pass, pair), the
// same for both directions, so the outcome depends neither on tiles nor on threads. Of equal
// scores the lower word is taken.
//
// The score of a pair is its similarity less the other word's level (half the mean of its
// highest similarities for CSLS; the levels may come from the pass before).
class InductionPass {
 public:
  InductionPass(const InductionOptions& options, std::vector<float> source_levels,
                std::vector<float> target_levels);

  // Takes account of one tile; each pair of words must come exactly once. Rows of a tile are
  // shared out among threads.
  void update(const SimilarityTile& tile);

  InductionSide sources() const;
  InductionSide targets() const;
  const InductionOptions& options() const { return options_; }

 private:
  struct Best {
    float score;
    Index word;
  };
  // The highest similarities of each word of one side, as far as one thread has seen them.
  struct Sightings {
    explicit Sightings(Index num_words, Index neighborhood);
    void see(Index word, float similarity);
    Index neighborhood;
    std::vector<float> highest;  // num_words x neighborhood
    std::vector<float> least;    // num_words: the least of each row of `highest`
    std::vector<Best> best;      // num_words
    std::vector<float> bars;     // num_words: the score to beat
  };

  void update_row(const SimilarityTile& tile, Index row, Sightings& targets);
  void offer(Sightings& side, Index word, Index partner, float score) const;
  bool is_kept(Index source, Index target) const;
  InductionSide summary(const std::vector<Sightings>& parts, Index num_words) const;

  InductionOptions options_;
  EpochRandom random_;
  std::vector<float> source_levels_;
  std::vector<float> target_levels_;
  std::vector<Sightings> sources_;  // one: a row belongs to one thread
  std::vector<Sightings> targets_;  // one per thread
};

}  // namespace embkit
