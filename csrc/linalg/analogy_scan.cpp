#include "linalg/analogy_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "linalg/ranges.h"

namespace embkit {
namespace {

constexpr Index kChunk = 32;  // rows passed over or scored together
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTie = 1e-12;      // rounding of a matrix product, relative to 1
constexpr double kNearest = 1e-12;  // squared distance below which x is c

}  // namespace

struct AnalogyScan::Block {
  const double* products;
  const double* squares;
  Index num_rows;

  const double* row(Index term, Index first) const {
    return products + term * num_rows + first;
  }
};

AnalogyScan::AnalogyScan(AnalogyOptions options, std::vector<AnalogyQuestion> questions,
                         std::vector<int64_t> offsets, std::vector<int64_t> excluded)
    : options_(std::move(options)),
      questions_(std::move(questions)),
      offsets_(std::move(offsets)),
      excluded_(std::move(excluded)),
      rows_(questions_.size() * options_.scorings.size(), -1),
      scores_(rows_.size(), -kInfinity) {}

void AnalogyScan::find_extremes(const Block& block, Index num_terms, int num_threads) {
  const Index num_chunks = (block.num_rows + kChunk - 1) / kChunk;
  extremes_.resize(static_cast<size_t>(num_chunks * num_terms));
  run_ranges(num_terms, num_threads, [&](Index begin, Index end) {
    for (Index term = begin; term < end; ++term) {
      for (Index chunk = 0; chunk < num_chunks; ++chunk) {
        const Index first = chunk * kChunk;
        const double* values = block.row(term, first);
        const Index count = std::min(kChunk, block.num_rows - first);
        Extremes found{-kInfinity, kInfinity};
        for (Index i = 0; i < count; ++i) {
          found.high = values[i] > found.high ? values[i] : found.high;
          found.low = values[i] < found.low ? values[i] : found.low;
        }
        extremes_[static_cast<size_t>(chunk * num_terms + term)] = found;
      }
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
      const double below = base + factor * a.low + options_.epsilon;
      const double least = base + factor * std::min(b.low, c.low) + options_.smoothing;
      if (below <= 0 || least < 0) return kInfinity;  // signs may turn
      return (base + factor * b.high + options_.smoothing) *
             (base + factor * c.high + options_.smoothing) / below;
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

void AnalogyScan::scan(const Block& block, Index first, Index count, AnalogyScoring scoring,
                       Index number, size_t cell) {
  const AnalogyQuestion& question = questions_[static_cast<size_t>(number)];
  const double* a = block.row(question.a, first);
  const double* b = block.row(question.b, first);
  const double* c = block.row(question.c, first);
  const double* squares = block.squares + first;
  double values[kChunk];
  switch (scoring) {
    case AnalogyScoring::kAdd:
      for (Index i = 0; i < count; ++i) values[i] = b[i] - a[i] + c[i];
      break;
    case AnalogyScoring::kMul: {
      const double factor = options_.shifted ? 0.5 : 1;
      const double base = options_.shifted ? 0.5 : 0;
      for (Index i = 0; i < count; ++i) {
        values[i] = (base + factor * b[i] + options_.smoothing) *
                    (base + factor * c[i] + options_.smoothing) /
                    (base + factor * a[i] + options_.epsilon);
      }
      break;
    }
    case AnalogyScoring::kDirection:
      for (Index i = 0; i < count; ++i) {
        const double distance = squares[i] + question.square - 2 * c[i];
        const double ahead = (b[i] - a[i] - question.start) * question.gain;
        const bool is_apart = distance > kNearest && squares[i] > 0;
        values[i] = is_apart ? ahead / std::sqrt(distance) : 0;
      }
      break;
    case AnalogyScoring::kOnlyB:
      std::copy_n(c, count, values);
      break;
  }
  const Index offset = num_seen_ + first;
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

void AnalogyScan::update(const double* products, const double* squares, Index num_terms,
                         Index num_rows, int num_threads) {
  const Block block{products, squares, num_rows};
  find_extremes(block, num_terms, num_threads);
  run_ranges(num_questions(), num_threads, [&](Index begin, Index end) {
    for (Index first = 0; first < num_rows; first += kChunk) {
      const Index count = std::min(kChunk, num_rows - first);
      const Extremes* extremes = extremes_.data() + first / kChunk * num_terms;
      for (size_t i = 0; i < options_.scorings.size(); ++i) {
        const AnalogyScoring scoring = options_.scorings[i];
        const size_t row = i * questions_.size();
        for (Index question = begin; question < end; ++question) {
          const size_t cell = row + static_cast<size_t>(question);
          const double most = bound(scoring, questions_[cell - row], extremes);
          if (most <= scores_[cell]) continue;
          scan(block, first, count, scoring, question, cell);
        }
      }
    }
  });
  num_seen_ += num_rows;
}

}  // namespace embkit
