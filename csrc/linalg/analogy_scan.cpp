#include "linalg/analogy_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "linalg/ranges.h"

namespace embkit {
namespace {

constexpr Index kChunk = 16;  // rows passed over or scored together
constexpr Index kLanes = 4;   // independent maxima, so that the compiler can use vectors
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTie = 1e-12;      // rounding of a matrix product, relative to 1
constexpr double kNearest = 1e-12;  // squared distance below which x is c

// The largest of value(0 .. count), as vector code.
template <typename Value>
double largest(Index count, const Value& value) {
  double lanes[kLanes] = {-kInfinity, -kInfinity, -kInfinity, -kInfinity};
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (Index lane = 0; lane < kLanes; ++lane) {
      const double x = value(i + lane);
      lanes[lane] = x > lanes[lane] ? x : lanes[lane];
    }
  }
  for (; i < count; ++i) lanes[0] = std::max(lanes[0], value(i));
  return std::max(std::max(lanes[0], lanes[1]), std::max(lanes[2], lanes[3]));
}

}  // namespace

// Some rows: the products of all terms with them lie together, so that they stay in the cache
// while all questions are asked.
struct AnalogyScan::Chunk {
  const double* products;  // num_terms x kChunk
  const Extremes* extremes;
  const double* squares;
  Index first_row;
  Index count;
};

AnalogyScan::AnalogyScan(AnalogyOptions options, std::vector<AnalogyQuestion> questions,
                         std::vector<int64_t> offsets, std::vector<int64_t> excluded)
    : options_(std::move(options)),
      questions_(std::move(questions)),
      offsets_(std::move(offsets)),
      excluded_(std::move(excluded)),
      rows_(questions_.size() * options_.scorings.size(), -1),
      scores_(rows_.size(), -kInfinity) {}

void AnalogyScan::pack(const double* products, Index num_terms, Index num_rows,
                       int num_threads) {
  const Index num_chunks = (num_rows + kChunk - 1) / kChunk;
  extremes_.resize(static_cast<size_t>(num_chunks * num_terms));
  packed_.resize(extremes_.size() * kChunk);
  run_ranges(num_chunks, num_threads, [&](Index begin, Index end) {
    for (Index cell = begin * num_terms; cell < end * num_terms; ++cell) {
      const Index first = cell / num_terms * kChunk;
      const Index count = std::min(kChunk, num_rows - first);
      const double* values = products + cell % num_terms * num_rows + first;
      std::copy_n(values, count, packed_.data() + cell * kChunk);
      const auto ends = std::minmax_element(values, values + count);
      extremes_[static_cast<size_t>(cell)] = {*ends.second, *ends.first};
    }
  });
}

// No row of a chunk scores higher.
double AnalogyScan::bound(AnalogyScoring scoring, const AnalogyQuestion& question,
                          const Extremes* extremes) const {
  const Extremes& a = extremes[question.a];
  const Extremes& b = extremes[question.b];
  const Extremes& c = extremes[question.c];
  switch (scoring) {
    case AnalogyScoring::kAdd:
      return b.high - a.low + c.high;
    case AnalogyScoring::kMul: {
      const double factor = options_.shifted ? 0.5 : 1;
      const double base = options_.shifted ? 0.5 : 0;
      const double above = base + options_.smoothing;
      const double below = base + options_.epsilon + factor * a.low;
      // Signs may turn: no bound.
      if (below <= 0 || above + factor * std::min(b.low, c.low) < 0) return kInfinity;
      return (above + factor * b.high) * (above + factor * c.high) / below;
    }
    case AnalogyScoring::kDirection: {
      const double ahead = (b.high - a.low - question.start) * question.gain;
      const double nearest = std::max(kNearest, 1 + question.square - 2 * c.high);
      return ahead <= 0 ? 0 : ahead / std::sqrt(nearest);
    }
    case AnalogyScoring::kOnlyB:
      return c.high;
  }
  return kInfinity;
}

void AnalogyScan::scan(const Chunk& chunk, AnalogyScoring scoring, Index number, size_t cell,
                       bool is_positive) {
  const AnalogyQuestion& question = questions_[static_cast<size_t>(number)];
  const double* a = chunk.products + question.a * kChunk;
  const double* b = chunk.products + question.b * kChunk;
  const double* c = chunk.products + question.c * kChunk;
  const Index count = chunk.count;
  const double known = scores_[cell];
  double values[kChunk];
  switch (scoring) {
    case AnalogyScoring::kAdd:
      if (largest(count, [&](Index i) { return b[i] - a[i] + c[i]; }) <= known) return;
      for (Index i = 0; i < count; ++i) values[i] = b[i] - a[i] + c[i];
      break;
    case AnalogyScoring::kMul: {
      const double factor = options_.shifted ? 0.5 : 1;
      const double base = options_.shifted ? 0.5 : 0;
      const double above = base + options_.smoothing;
      const double below = base + options_.epsilon;
      // Without a division, where the denominator is positive.
      const auto lead = [&](Index i) {
        return (above + factor * b[i]) * (above + factor * c[i]) -
               known * (below + factor * a[i]);
      };
      if (is_positive && largest(count, lead) <= 0) return;
      for (Index i = 0; i < count; ++i) {
        values[i] = (above + factor * b[i]) * (above + factor * c[i]) / (below + factor * a[i]);
      }
      break;
    }
    case AnalogyScoring::kDirection:
      for (Index i = 0; i < count; ++i) {
        const double distance = chunk.squares[i] + question.square - 2 * c[i];
        const double ahead = (b[i] - a[i] - question.start) * question.gain;
        const bool is_apart = distance > kNearest && chunk.squares[i] > 0;
        values[i] = is_apart ? ahead / std::sqrt(distance) : 0;
      }
      break;
    case AnalogyScoring::kOnlyB:
      std::copy_n(c, count, values);
      break;
  }
  const Index offset = chunk.first_row;
  const auto begin = excluded_.begin() + offsets_[static_cast<size_t>(number)];
  const auto end = excluded_.begin() + offsets_[static_cast<size_t>(number) + 1];
  for (auto row = std::lower_bound(begin, end, offset); row != end && *row < offset + count;
       ++row) {
    values[*row - offset] = -kInfinity;
  }
  const double best = *std::max_element(values, values + count);
  const double tie = kTie * std::max(1.0, std::fabs(best));
  if (!(best > scores_[cell] + tie)) return;
  const double* found =
      std::find_if(values, values + count, [&](double value) { return value >= best - tie; });
  rows_[cell] = offset + (found - values);
  scores_[cell] = *found;
}

void AnalogyScan::scan_questions(const Chunk& chunk, size_t scoring, Index begin, Index end) {
  const AnalogyScoring kind = options_.scorings[scoring];
  for (Index question = begin; question < end; ++question) {
    const size_t number = static_cast<size_t>(question);
    const size_t cell = scoring * questions_.size() + number;
    const double most = bound(kind, questions_[number], chunk.extremes);
    if (most > scores_[cell]) scan(chunk, kind, question, cell, most < kInfinity);
  }
}

void AnalogyScan::update(const double* products, const double* squares, Index num_terms,
                         Index num_rows, int num_threads) {
  pack(products, num_terms, num_rows, num_threads);
  run_ranges(num_questions(), num_threads, [&](Index begin, Index end) {
    for (Index first = 0; first < num_rows; first += kChunk) {
      const Index cells = first / kChunk * num_terms;
      const Chunk chunk{packed_.data() + cells * kChunk, extremes_.data() + cells,
                        squares + first, num_seen_ + first, std::min(kChunk, num_rows - first)};
      for (size_t i = 0; i < options_.scorings.size(); ++i) {
        scan_questions(chunk, i, begin, end);
      }
    }
  });
  num_seen_ += num_rows;
}

}  // namespace embkit
