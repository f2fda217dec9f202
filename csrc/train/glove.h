#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "core/matrix.h"
#include "core/random.h"
#include "core/types.h"
#include "simd/kernels.h"

namespace embkit {

// The options of GloVe; names as in config.py, where defaults are.
struct GloVeOptions {
  int dim;
  double x_max;
  double exponent;
  double learning_rate;
  double clip;
  uint64_t seed;
  Index first_epoch;  // of the draws: epochs that the rows to begin with were trained before
  Index tile_words;   // rows, and columns, of a tile
  Index chunk_cells;  // cells of a tile that are trained at a time, about
};

// A square matrix of co-occurrences as compressed rows. The arrays must outlive what reads it.
struct CountMatrix {
  const int64_t* offsets;  // [num_words + 1]
  const int32_t* columns;  // [offsets[num_words]]
  const double* values;    // positive
  Index num_words;
};

// GloVe (Pennington, Socher and Manning 2014): AdaGrad on f(X) (w w~ + b + b~ - log X)^2 / 2.
//
// The cells are cut into tiles of rows x columns that fit a cache, and each tile, by a draw for
// each cell, into chunks of about chunk_cells. An epoch takes the chunks in an order drawn
// anew, and the cells of a chunk in an order drawn anew; both depend on seed and epoch alone,
// so that a run can be stopped after any epoch and continued. With one tile over everything
// that is a full shuffle. Threads take chunks from one counter and update rows without locks
// (Hogwild).
class GloVe {
 public:
  // Throws std::invalid_argument, std::bad_alloc.
  GloVe(const GloVeOptions& options, const CountMatrix& counts);

  // Sets the rows to their first values and lays out the cells; once, before the first epoch.
  // keep_going() is called about ten times a second on the calling thread; false ends the work.
  // Throws std::invalid_argument where a column or a value is not allowed.
  void arrange(int num_threads, const std::function<bool()>& keep_going);

  // Trains the cells that are left of the epoch under way, or those of at most max_chunks
  // chunks, or until keep_going() returns false; true at the epoch's end. May be called again
  // to go on. Throws DivergenceError once a cost is not finite.
  bool train_epoch(int num_threads, const std::function<bool()>& keep_going,
                   Index max_chunks = std::numeric_limits<Index>::max());
  // False where an exception ended train_epoch() inside of a chunk.
  bool is_consistent() const { return !is_torn_; }

  struct Progress {
    Index cells;  // trained by this object so far
    double cost;  // summed over these, each as it was before its step
  };
  Progress progress() const;

  // What a run needs to go on, beside the rows: copied out and put back while train_epoch() is
  // not running.
  struct Counters {
    Index next_chunk;   // in the order of the epoch under way
    double epoch_cost;  // of that epoch so far
    Progress progress;
    std::vector<double> costs;  // of the epochs done
  };
  Counters counters() const { return {next_chunk_, epoch_cost_, progress(), costs_}; }
  // Throws std::invalid_argument where the counters are not those of such a run.
  void restore(const Counters& counters);

  enum Side { kWords, kContexts };

  Index num_words() const { return counts_.num_words; }
  int dim() const { return options_.dim; }
  Index num_chunks() const { return static_cast<Index>(chunks_.size()) - 1; }
  // The values of a word's row, or their sums of squared gradients: `dim` for the vector, and
  // one for the bias.
  float* vector(Side side, bool squares, Index word);
  float* bias(Side side, bool squares, Index word);
  PaddedMatrix& side(Side side) { return sides_[side]; }
  bool rows_are_finite() const;

 private:
  void set_first_rows(Index word);
  Index tiles_per_side() const;
  size_t tile_of(Index cell) const;  // within its band, a row of tiles
  simd::GloveCell make_cell(Index row, Index cell) const;
  void arrange_band(Index band, const std::atomic<bool>& stop);
  void train_chunk(Index chunk, const EpochRandom& random,
                   std::vector<simd::GloveCell>& shuffled);

  GloVeOptions options_;
  CountMatrix counts_;
  Index stride_;  // floats of a row's values, and of its squares
  PaddedMatrix sides_[2];
  std::unique_ptr<simd::GloveCell[]> cells_;
  std::vector<std::vector<Index>>
      band_chunks_;            // first cells of a band's chunks, while arranging
  std::vector<Index> chunks_;  // first cells, and the number of all
  mutable std::mutex progress_mutex_;
  Progress progress_{};
  double epoch_cost_ = 0;      // of the epoch under way
  Index next_chunk_ = 0;       // in its order
  std::vector<double> costs_;  // of the epochs done: as many as there are
  std::atomic<bool> is_torn_{false};
};

}  // namespace embkit
