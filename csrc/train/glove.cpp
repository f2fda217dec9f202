#include "train/glove.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "core/errors.h"
#include "core/random.h"
#include "core/workers.h"

namespace embkit {
namespace {

constexpr float kBiasRate = 1;      // as Stanford's tool, whatever the learning rate
constexpr float kFirstSquares = 1;  // so that the first rate is the learning rate
constexpr Index kMostTiles = 512;   // per side
constexpr uint64_t kChunkEpoch = kInitialRowsEpoch - 1;  // draws of each cell's chunk

void check(const CountMatrix& counts) {
  const int64_t* end = counts.offsets + counts.num_words + 1;
  if (counts.offsets[0] != 0 || !std::is_sorted(counts.offsets, end)) {
    throw std::invalid_argument("offsets must rise from 0");
  }
  if (end[-1] == 0) throw std::invalid_argument("counts must have at least one cell");
}

bool is_allowed(const CountMatrix& counts, Index cell) {
  const int32_t column = counts.columns[cell];
  const double value = counts.values[cell];
  return column >= 0 && column < counts.num_words && value > 0 && std::isfinite(value);
}

[[noreturn]] void refuse_cell(const CountMatrix& counts, Index row, Index cell) {
  const std::string place = " in row " + std::to_string(row);
  const int32_t column = counts.columns[cell];
  if (column < 0 || column >= counts.num_words) {
    throw std::invalid_argument("columns must be below " + std::to_string(counts.num_words) +
                                ", got " + std::to_string(column) + place);
  }
  throw std::invalid_argument("counts must be positive and finite, got " +
                              std::to_string(counts.values[cell]) + place + ", column " +
                              std::to_string(column));
}

// An order of `count` things: Fisher and Yates, with the first `count` draws.
std::vector<Index> shuffled(Index count, const EpochRandom& random) {
  std::vector<Index> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  for (Index i = count; i > 1; --i) {
    const uint64_t draw = random.at(static_cast<uint64_t>(i - 1));
    const Index j = below(draw, static_cast<uint32_t>(i));
    std::swap(order[static_cast<size_t>(i - 1)], order[static_cast<size_t>(j)]);
  }
  return order;
}

}  // namespace

GloVe::GloVe(const GloVeOptions& options, const CountMatrix& counts)
    : options_(options),
      counts_(counts),
      stride_((options.dim + 2 + PaddedMatrix::kLine - 1) / PaddedMatrix::kLine *
              PaddedMatrix::kLine),
      sides_{PaddedMatrix(counts.num_words, 2 * stride_),
             PaddedMatrix(counts.num_words, 2 * stride_)} {
  check(counts);
  const Index least = (counts.num_words + kMostTiles - 1) / kMostTiles;
  options_.tile_words = std::clamp(options.tile_words, least, counts.num_words);
}

float* GloVe::vector(Side side, bool squares, Index word) {
  return sides_[side].row(word) + (squares ? stride_ : 0);
}

float* GloVe::bias(Side side, bool squares, Index word) {
  return vector(side, squares, word) + stride_ - (side == kWords ? 2 : 1);
}

void GloVe::set_first_rows(Index word) {
  const EpochRandom random(options_.seed, kInitialRowsEpoch);
  const auto dim = static_cast<Index>(options_.dim);
  for (const Side side : {kWords, kContexts}) {
    auto element = static_cast<uint64_t>((side * num_words() + word) * (dim + 1));
    const auto next = [&] {
      return (uniform(random.at(element++)) - 0.5f) / static_cast<float>(dim);
    };
    float* const values = vector(side, false, word);
    std::generate_n(values, dim, next);
    *bias(side, false, word) = next();
    values[stride_ - (side == kWords ? 1 : 2)] = 1;  // what the other side's bias meets
    std::fill_n(vector(side, true, word), stride_, kFirstSquares);
  }
}

size_t GloVe::tile_of(Index cell) const {
  return static_cast<size_t>(counts_.columns[cell] / options_.tile_words);
}

Index GloVe::tiles_per_side() const {
  return (counts_.num_words + options_.tile_words - 1) / options_.tile_words;
}

// A band is a row of tiles: its cells follow each other in the matrix and in cells_.
void GloVe::arrange_band(Index band, const std::atomic<bool>& stop) {
  const Index first_row = band * options_.tile_words;
  const Index last_row = std::min(first_row + options_.tile_words, counts_.num_words);
  for (Index row = first_row; row < last_row && !stop; ++row) set_first_rows(row);
  const Index begin = counts_.offsets[first_row], end = counts_.offsets[last_row];
  std::vector<Index> tile_cells(static_cast<size_t>(tiles_per_side()));
  for (Index row = first_row; row < last_row && !stop; ++row) {
    for (Index cell = counts_.offsets[row]; cell < counts_.offsets[row + 1]; ++cell) {
      if (!is_allowed(counts_, cell)) refuse_cell(counts_, row, cell);
      ++tile_cells[tile_of(cell)];
    }
  }

  // The chunks of a tile: the first one's number in this band, and how many.
  std::vector<std::pair<size_t, uint32_t>> tile_chunks;
  size_t num_chunks = 0;
  for (const Index count : tile_cells) {
    tile_chunks.emplace_back(num_chunks,
                             (count + options_.chunk_cells - 1) / options_.chunk_cells);
    num_chunks += tile_chunks.back().second;
  }
  const EpochRandom random(options_.seed, kChunkEpoch);
  const auto chunk_of = [&](Index cell) {
    const auto [first, count] = tile_chunks[tile_of(cell)];
    return first + below(random.at(static_cast<uint64_t>(cell)), count);
  };

  std::vector<Index> starts(num_chunks + 1);
  for (Index cell = begin; cell < end; ++cell) ++starts[chunk_of(cell) + 1];
  starts[0] = begin;
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<Index> next = starts;
  for (Index row = first_row; row < last_row && !stop; ++row) {
    for (Index cell = counts_.offsets[row]; cell < counts_.offsets[row + 1]; ++cell) {
      cells_[static_cast<size_t>(next[chunk_of(cell)]++)] = make_cell(row, cell);
    }
  }
  starts.pop_back();
  band_chunks_[static_cast<size_t>(band)] = std::move(starts);
}

simd::GloveCell GloVe::make_cell(Index row, Index cell) const {
  const double value = counts_.values[cell];
  const double weight =
      value < options_.x_max ? std::pow(value / options_.x_max, options_.exponent) : 1;
  return {static_cast<WordId>(row), static_cast<WordId>(counts_.columns[cell]),
          static_cast<float>(std::log(value)), static_cast<float>(weight)};
}

void GloVe::arrange(int num_threads, const std::function<bool()>& keep_going) {
  const Index num_cells = counts_.offsets[counts_.num_words];
  cells_.reset(new simd::GloveCell[static_cast<size_t>(num_cells)]);  // not zeroed
  band_chunks_.resize(static_cast<size_t>(tiles_per_side()));
  std::atomic<Index> next{0};
  const auto body = [&](int, const std::atomic<bool>& stop) {
    for (Index band; !stop && (band = next.fetch_add(1)) < tiles_per_side();) {
      arrange_band(band, stop);
    }
  };
  run_workers(num_threads, body, keep_going);
  for (const std::vector<Index>& starts : band_chunks_) {
    chunks_.insert(chunks_.end(), starts.begin(), starts.end());
  }
  chunks_.push_back(num_cells);
  band_chunks_.clear();
}

void GloVe::train_chunk(Index chunk, const EpochRandom& random,
                        std::vector<simd::GloveCell>& shuffled) {
  const Index begin = chunks_[static_cast<size_t>(chunk)];
  const auto count = static_cast<size_t>(chunks_[static_cast<size_t>(chunk) + 1] - begin);
  shuffled.resize(count);
  const simd::GloveCell* const cells = cells_.get() + begin;
  // Fisher and Yates, from one array into another.
  const auto first_draw = static_cast<uint64_t>(num_chunks() + begin);
  for (size_t i = 0; i < count; ++i) {
    const size_t j = below(random.at(first_draw + i), static_cast<uint32_t>(i + 1));
    shuffled[i] = shuffled[j];
    shuffled[j] = cells[i];
  }
  const double cost = simd::kernels().train_glove(
      {shuffled.data(), count, sides_[kWords].data(), sides_[kContexts].data(),
       static_cast<size_t>(stride_), static_cast<float>(options_.learning_rate), kBiasRate,
       static_cast<float>(options_.clip)});
  if (!std::isfinite(cost)) throw DivergenceError("a cost is not finite");
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  progress_.cells += static_cast<Index>(count);
  progress_.cost += cost;
  epoch_cost_ += cost;
}

bool GloVe::train_epoch(int num_threads, const std::function<bool()>& keep_going,
                        Index max_chunks) {
  const auto epoch = static_cast<uint64_t>(options_.first_epoch) + costs_.size();
  const EpochRandom random(options_.seed, epoch);
  const std::vector<Index> order = shuffled(num_chunks(), random);
  const Index end = next_chunk_ + std::min(max_chunks, num_chunks() - next_chunk_);
  std::atomic<Index> next{next_chunk_};
  const auto body = [&](int, const std::atomic<bool>& stop) {
    std::vector<simd::GloveCell> cells;
    for (Index turn; !stop && (turn = next.fetch_add(1)) < end;) {
      try {
        train_chunk(order[static_cast<size_t>(turn)], random, cells);
      } catch (...) {
        is_torn_ = true;
        throw;
      }
    }
  };
  // Every chunk that was taken has been trained by then, also where keep_going threw.
  const auto note_chunks = [&] {
    next_chunk_ = std::min<Index>(next, end);
    if (next_chunk_ < num_chunks()) return false;
    costs_.push_back(epoch_cost_);
    epoch_cost_ = 0;
    next_chunk_ = 0;
    return true;
  };
  try {
    run_workers(num_threads, body, keep_going);
  } catch (...) {
    note_chunks();
    throw;
  }
  return note_chunks();
}

void GloVe::restore(const Counters& counters) {
  if (counters.next_chunk < 0 || counters.next_chunk >= num_chunks() ||
      counters.progress.cells < 0) {
    throw std::invalid_argument("next_chunk must be from 0 to " +
                                std::to_string(num_chunks() - 1) + ", got " +
                                std::to_string(counters.next_chunk));
  }
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  next_chunk_ = counters.next_chunk;
  epoch_cost_ = counters.epoch_cost;
  progress_ = counters.progress;
  costs_ = counters.costs;
}

GloVe::Progress GloVe::progress() const {
  const std::lock_guard<std::mutex> lock(progress_mutex_);
  return progress_;
}

bool GloVe::rows_are_finite() const {
  for (const PaddedMatrix& side : sides_) {
    const float* const values = side.row(0);
    float zero = 0;  // a value that is not finite turns it into NaN
    for (Index i = 0; i < side.num_rows() * side.stride(); ++i) zero += values[i] * 0;
    if (!(zero == 0)) return false;
  }
  return true;
}

}  // namespace embkit
