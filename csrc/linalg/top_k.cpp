#include "linalg/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "linalg/norms.h"
#include "linalg/ranges.h"

namespace embkit {
namespace {

constexpr Index kChunk = 256;              // rows screened at a time
constexpr float kUnit = 1.0f / (1 << 24);  // rounding error of a float operation
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What a policy sees of one query.
struct QueryView {
  const double* terms;
  const double* inverse_lengths;
  const float* products;  // of the first row of the block
  double gain;
  double base;
  float error;  // bound on |product * screen - exact value|
  Index dim;
  const TopKOptions* options;
  const ScoredRows* block;

  const double* term(Index i) const { return terms + i * dim; }
  double product(Index i, Index row) const {
    return dot(term(i), block->rows + row * dim, dim) * block->scales[row];
  }
  double cosine(Index i, Index row) const { return product(i, row) * inverse_lengths[i]; }
};

// Any product of at most dim terms is off by less than dim * kUnit * radius, in whatever order
// it was summed; the rest is for rounding the term, the scale and the bound itself.
float error_bound(Index dim, double radius) {
  return static_cast<float>(1.1 * static_cast<double>(dim + 16) * radius * kUnit);
}

// A policy gives, for rows first .. first + count of a block, upper bounds of their scores
// (NaN where unknown), and the exact score of one row. Loops are written so that GCC and
// Clang vectorise them without fast-math; comparisons keep NaN.

struct Linear {
  static void bound(const QueryView& query, Index first, Index count, float* bounds) {
    const float* products = query.products + first;
    const float* screens = query.block->screens + first;
    for (Index i = 0; i < count; ++i) bounds[i] = products[i] * screens[i];
  }
  // The threshold carries gain and error, so that the loop above need not.
  static float threshold(const QueryView& query, float worst) {
    if (query.inverse_lengths[0] == 0 || query.gain == 0) return worst;
    const double unit_gain = query.gain / query.inverse_lengths[0];
    return static_cast<float>(static_cast<double>(worst) / unit_gain - query.error);
  }
  static double exact(const QueryView& query, Index row) {
    return query.gain * query.product(0, row);
  }
};

struct Shifted {
  // Products at unit length are as many times smaller than the score as the term is long.
  static double unit_gain(const QueryView& query) {
    return query.inverse_lengths[0] == 0 ? 0 : query.gain / query.inverse_lengths[0];
  }
  static void bound(const QueryView& query, Index first, Index count, float* bounds) {
    const float* products = query.products + first;
    const float* screens = query.block->screens + first;
    const double* shifts = query.block->shifts + first;
    const float gain = static_cast<float>(unit_gain(query));
    for (Index i = 0; i < count; ++i) {
      bounds[i] = gain * (products[i] * screens[i]) + static_cast<float>(shifts[i]);
    }
  }
  static float threshold(const QueryView& query, float worst) {
    const double gain = std::abs(unit_gain(query));
    const double rounding = 4 * kUnit * (gain * query.options->radius + query.options->reach);
    return static_cast<float>(static_cast<double>(worst) - gain * query.error - rounding -
                              1e-44);
  }
  static double exact(const QueryView& query, Index row) {
    return query.gain * query.product(0, row) + query.block->shifts[row];
  }
};

struct Ratio {
  static double divisor(const QueryView& query, Index row) {
    return std::max(kLeastRatioBase, query.base + query.block->shifts[row]);
  }
  static void bound(const QueryView& query, Index first, Index count, float* bounds) {
    const float* products = query.products + first;
    const float* screens = query.block->screens + first;
    const double gain = Shifted::unit_gain(query);
    const float scale = static_cast<float>(gain);
    const float error = static_cast<float>(std::abs(gain)) * query.error;
    for (Index i = 0; i < count; ++i) {
      const float above = scale * (products[i] * screens[i]) + error;
      const float slack = above > 0 ? 1 + 16 * kUnit : 1 - 16 * kUnit;
      bounds[i] = slack * above / static_cast<float>(divisor(query, first + i));
    }
  }
  static float threshold(const QueryView&, float worst) { return worst; }
  static double exact(const QueryView& query, Index row) {
    return query.gain * query.product(0, row) / divisor(query, row);
  }
};

struct CosMul {
  static void bound(const QueryView& query, Index first, Index count, float* bounds) {
    const TopKOptions& options = *query.options;
    const float* screens = query.block->screens + first;
    float below[kChunk];
    const float epsilon = static_cast<float>(options.epsilon);
    std::fill_n(bounds, count, 1.0f);
    std::fill_n(below, count, 1.0f);
    for (Index term = 0; term < options.num_terms; ++term) {
      const float* products = query.products + term * query.block->num_rows + first;
      if (term < options.num_positive) {
        for (Index i = 0; i < count; ++i) {
          bounds[i] *= (1 + query.error + products[i] * screens[i]) / 2;
        }
      } else {
        for (Index i = 0; i < count; ++i) {
          const float lower = (1 - query.error + products[i] * screens[i]) / 2;
          below[i] *= lower < 0 ? 0 : lower;
        }
      }
    }
    const float slack = 1 + 16 * static_cast<float>(options.num_terms) * kUnit;
    for (Index i = 0; i < count; ++i) bounds[i] = slack * bounds[i] / (below[i] + epsilon);
  }
  static float threshold(const QueryView&, float worst) { return worst; }
  static double exact(const QueryView& query, Index row) {
    const TopKOptions& options = *query.options;
    double above = 1;
    double below = 1;
    for (Index term = 0; term < options.num_terms; ++term) {
      double& product = term < options.num_positive ? above : below;
      product *= std::max(0.0, (1 + query.cosine(term, row)) / 2);
    }
    return above / (below + options.epsilon);
  }
};

struct PairDirection {
  static void bound(const QueryView& query, Index first, Index count, float* bounds) {
    const float* along = query.products + first;        // direction . x
    const float* near = along + query.block->num_rows;  // c . x
    const float* screens = query.block->screens + first;
    const float error = query.error;
    const double* inverse = query.inverse_lengths;
    const double start_ahead =
        dot(query.term(0), query.term(1), query.dim) * inverse[0] * inverse[1];
    const float start = static_cast<float>(start_ahead) - error;
    const float squares = inverse[1] > 0 ? 2 : 1;  // |x|^2 + |c|^2
    for (Index i = 0; i < count; ++i) {
      const float ahead = along[i] * screens[i] - start;
      const float cosine = near[i] * screens[i];
      const float shortest = squares - 2 * (cosine + error);
      const float longest = squares - 2 * (cosine - error);
      // A positive numerator is bounded by the shortest distance, a negative by the longest.
      const float distance = ahead > 0 ? (shortest < 0 ? 0 : shortest) : longest;
      bounds[i] = ahead / std::sqrt(distance) + error;
    }
  }
  static float threshold(const QueryView&, float worst) { return worst; }
  static double exact(const QueryView& query, Index row) {
    const double scale = query.block->scales[row];
    const float* x = query.block->rows + row * query.dim;
    double ahead = 0;
    double square = 0;
    for (Index i = 0; i < query.dim; ++i) {
      const double step =
          scale * static_cast<double>(x[i]) - query.inverse_lengths[1] * query.term(1)[i];
      ahead += query.term(0)[i] * step;
      square += step * step;
    }
    // A row without a direction of its own, or at c itself, lies in none.
    return scale == 0 || square < 1e-24 ? 0
                                        : query.inverse_lengths[0] * ahead / std::sqrt(square);
  }
};

bool any_above(const float* bounds, Index count, float threshold) {
  int any = 0;
  for (Index i = 0; i < count; ++i) any |= !(bounds[i] <= threshold);  // NaN counts
  return any != 0;
}

}  // namespace

TopK::TopK(const TopKOptions& options, Index dim, std::vector<double> terms,
           std::vector<double> gains, std::vector<double> bases,
           std::vector<int64_t> excluded_offsets, std::vector<int64_t> excluded)
    : options_(options),
      dim_(dim),
      terms_(std::move(terms)),
      gains_(std::move(gains)),
      bases_(std::move(bases)),
      excluded_offsets_(std::move(excluded_offsets)),
      excluded_(std::move(excluded)),
      best_(gains_.size()) {
  const Index num_all_terms = num_queries() * num_terms();
  for (Index i = 0; i < num_all_terms; ++i) {
    const double* term = terms_.data() + i * dim_;
    const double length = std::sqrt(dot(term, term, dim_));
    inverse_lengths_.push_back(length > 0 ? 1 / length : 0);
  }
}

bool TopK::is_excluded(Index query, Index row) const {
  const auto begin = excluded_.begin() + excluded_offsets_[static_cast<size_t>(query)];
  const auto end = excluded_.begin() + excluded_offsets_[static_cast<size_t>(query) + 1];
  return std::binary_search(begin, end, static_cast<int64_t>(row));
}

bool TopK::offer(Index query, const Candidate& candidate) {
  std::vector<Candidate>& best = best_[static_cast<size_t>(query)];
  if (static_cast<Index>(best.size()) == options_.k) {
    if (!is_better(candidate, best.front())) return false;
    std::pop_heap(best.begin(), best.end(), is_better);
    best.pop_back();
  }
  best.push_back(candidate);
  std::push_heap(best.begin(), best.end(), is_better);
  return true;
}

template <typename Policy>
void TopK::update_query(Index query, const ScoredRows& block) {
  const Index stride = options_.num_terms;
  const QueryView view{terms_.data() + query * stride * dim_,
                       inverse_lengths_.data() + query * stride,
                       block.products + query * stride * block.num_rows,
                       gains_[static_cast<size_t>(query)],
                       bases_[static_cast<size_t>(query)],
                       error_bound(dim_, options_.radius),
                       dim_,
                       &options_,
                       &block};
  std::vector<Candidate>& best = best_[static_cast<size_t>(query)];
  const auto full = [&] { return static_cast<Index>(best.size()) == options_.k; };
  float threshold = full() ? Policy::threshold(view, best.front().score) : -kInfinity;
  float bounds[kChunk];
  for (Index first = 0; first < block.num_rows; first += kChunk) {
    const Index count = std::min(kChunk, block.num_rows - first);
    Policy::bound(view, first, count, bounds);
    if (full() && !any_above(bounds, count, threshold)) continue;
    for (Index i = 0; i < count; ++i) {
      if (full() && bounds[i] <= threshold) continue;
      const Index row = block.first_row + first + i;
      if (is_excluded(query, row)) continue;
      if (!offer(query, {static_cast<float>(Policy::exact(view, first + i)), row})) continue;
      if (full()) threshold = Policy::threshold(view, best.front().score);
    }
  }
}

template <typename Policy>
void TopK::update_query_listed(Index query, const ScoredRows& rows, const int64_t* listed,
                               Index num_listed) {
  const Index stride = options_.num_terms;
  const QueryView view{terms_.data() + query * stride * dim_,
                       inverse_lengths_.data() + query * stride,
                       nullptr,
                       gains_[static_cast<size_t>(query)],
                       bases_[static_cast<size_t>(query)],
                       0,
                       dim_,
                       &options_,
                       &rows};
  for (Index i = 0; i < num_listed; ++i) {
    const Index row = listed[query * num_listed + i];
    if (row < 0 || is_excluded(query, row)) continue;
    offer(query, {static_cast<float>(Policy::exact(view, row)), row});
  }
}

// Calls body(query, policy) with the policy of the scoring.
template <typename Body>
void TopK::for_each_query(int num_threads, const Body& body) {
  run_ranges(num_queries(), num_threads, [&](Index begin, Index end) {
    for (Index query = begin; query < end; ++query) {
      switch (options_.scoring) {
        case Scoring::kLinear:
          body(query, Linear{});
          break;
        case Scoring::kCosMul:
          body(query, CosMul{});
          break;
        case Scoring::kPairDirection:
          body(query, PairDirection{});
          break;
        case Scoring::kShifted:
          body(query, Shifted{});
          break;
        case Scoring::kRatio:
          body(query, Ratio{});
          break;
      }
    }
  });
}

void TopK::update(const ScoredRows& block, int num_threads) {
  for_each_query(num_threads, [&](Index query, auto policy) {
    update_query<decltype(policy)>(query, block);
  });
}

void TopK::update_listed(const ScoredRows& rows, const int64_t* listed, Index num_listed,
                         int num_threads) {
  for_each_query(num_threads, [&](Index query, auto policy) {
    update_query_listed<decltype(policy)>(query, rows, listed, num_listed);
  });
}

void TopK::result(int64_t* rows, float* scores) const {
  for (const std::vector<Candidate>& heap : best_) {
    std::vector<Candidate> best = heap;
    std::sort(best.begin(), best.end(), is_better);
    for (size_t i = 0; i < static_cast<size_t>(options_.k); ++i) {
      *rows++ = i < best.size() ? static_cast<int64_t>(best[i].row) : -1;
      *scores++ = i < best.size() ? best[i].score : -kInfinity;
    }
  }
}

}  // namespace embkit
