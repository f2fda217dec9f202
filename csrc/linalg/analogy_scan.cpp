#include "linalg/analogy_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "linalg/ranges.h"

namespace embkit {
namespace {

constexpr Index kChunk = 128;  // rows scored at a time: all terms' products stay in the cache
constexpr Index kLanes = 8;    // independent maxima, so that the compiler can use vectors
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTie = 1e-12;      // rounding of a matrix product, relative to 1
constexpr double kNearest = 1e-12;  // squared distance below which x is c

double largest(const double* values, Index count) {
  double lanes[kLanes];
  std::fill_n(lanes, kLanes, -kInfinity);
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (Index lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = values[i + lane] > lanes[lane] ? values[i + lane] : lanes[lane];
    }
  }
  for (; i < count; ++i) lanes[0] = values[i] > lanes[0] ? values[i] : lanes[0];
  return *std::max_element(lanes, lanes + kLanes);
}

}  // namespace

struct AnalogyScan::Block {
  const double* products;
  const double* squares;
  Index num_rows;
};

AnalogyScan::AnalogyScan(AnalogyOptions options, std::vector<AnalogyQuestion> questions,
                         std::vector<int64_t> offsets, std::vector<int64_t> excluded)
    : options_(std::move(options)),
      questions_(std::move(questions)),
      offsets_(std::move(offsets)),
      excluded_(std::move(excluded)),
      rows_(questions_.size() * options_.scorings.size(), -1),
      scores_(rows_.size(), -kInfinity) {}

void AnalogyScan::prepare(const double* products, Index size, int num_threads) {
  above_.resize(static_cast<size_t>(size));
  below_.resize(static_cast<size_t>(size));
  double* above = above_.data();
  double* below = below_.data();
  const double factor = options_.shifted ? 0.5 : 1;
  const double base = options_.shifted ? 0.5 : 0;
  run_ranges(size, num_threads, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const double similarity = base + factor * products[i];
      above[i] = similarity + options_.smoothing;
      below[i] = 1 / (similarity + options_.epsilon);
    }
  });
}

void AnalogyScan::scan(const Block& block, Index first, Index count, Index number) {
  const AnalogyQuestion& question = questions_[static_cast<size_t>(number)];
  const auto row_of = [&](const double* matrix, Index term) {
    return matrix + term * block.num_rows + first;
  };
  const auto begin = excluded_.begin() + offsets_[static_cast<size_t>(number)];
  const auto end = excluded_.begin() + offsets_[static_cast<size_t>(number) + 1];
  double values[kChunk];
  for (size_t scoring = 0; scoring < options_.scorings.size(); ++scoring) {
    switch (options_.scorings[scoring]) {
      case AnalogyScoring::kAdd: {
        const double* a = row_of(block.products, question.a);
        const double* b = row_of(block.products, question.b);
        const double* c = row_of(block.products, question.c);
        for (Index i = 0; i < count; ++i) values[i] = b[i] - a[i] + c[i];
        break;
      }
      case AnalogyScoring::kMul: {
        const double* a = row_of(below_.data(), question.a);
        const double* b = row_of(above_.data(), question.b);
        const double* c = row_of(above_.data(), question.c);
        for (Index i = 0; i < count; ++i) values[i] = b[i] * c[i] * a[i];
        break;
      }
      case AnalogyScoring::kDirection: {
        const double* a = row_of(block.products, question.a);
        const double* b = row_of(block.products, question.b);
        const double* c = row_of(block.products, question.c);
        const double* squares = block.squares + first;
        for (Index i = 0; i < count; ++i) {
          const double distance = squares[i] + question.square - 2 * c[i];
          const double ahead = (b[i] - a[i] - question.start) * question.gain;
          const bool is_apart = distance > kNearest && squares[i] > 0;
          values[i] = is_apart ? ahead / std::sqrt(distance) : 0;
        }
        break;
      }
      case AnalogyScoring::kOnlyB:
        std::copy_n(row_of(block.products, question.c), count, values);
        break;
    }
    const Index offset = num_seen_ + first;
    for (auto row = std::lower_bound(begin, end, offset); row != end && *row < offset + count;
         ++row) {
      values[*row - offset] = -kInfinity;
    }
    const size_t cell = scoring * questions_.size() + static_cast<size_t>(number);
    const double best = largest(values, count);
    const double tie = kTie * std::max(1.0, std::fabs(best));
    if (!(best > scores_[cell] + tie)) continue;
    const double* found =
        std::find_if(values, values + count, [&](double value) { return value >= best - tie; });
    rows_[cell] = offset + (found - values);
    scores_[cell] = *found;
  }
}

void AnalogyScan::update(const double* products, const double* squares, Index num_terms,
                         Index num_rows, int num_threads) {
  const auto& scorings = options_.scorings;
  if (std::find(scorings.begin(), scorings.end(), AnalogyScoring::kMul) != scorings.end()) {
    prepare(products, num_terms * num_rows, num_threads);
  }
  const Block block{products, squares, num_rows};
  run_ranges(num_questions(), num_threads, [&](Index begin, Index end) {
    for (Index first = 0; first < num_rows; first += kChunk) {
      const Index count = std::min(kChunk, num_rows - first);
      for (Index question = begin; question < end; ++question) {
        scan(block, first, count, question);
      }
    }
  });
  num_seen_ += num_rows;
}

}  // namespace embkit
