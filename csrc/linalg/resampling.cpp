#include "linalg/resampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/random.h"
#include "linalg/ranges.h"

namespace embkit {

void draw_resample(uint64_t seed, Index resample, Index num_items, uint32_t* counts) {
  std::fill_n(counts, num_items, 0u);
  const EpochRandom random(seed, static_cast<uint64_t>(resample));
  const auto limit = static_cast<uint32_t>(num_items);
  for (Index i = 0; i < num_items; ++i) {
    ++counts[below(random.at(static_cast<uint64_t>(i)), limit)];
  }
}

CorrelationBootstrap::Scores::Scores(const double* values, Index count)
    : scaled(values, values + count), order(static_cast<size_t>(count)) {
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return values[a] < values[b]; });
  for (uint32_t i = 1; i <= order.size(); ++i) {
    if (i == order.size() || values[order[i]] != values[order[i - 1]]) group_ends.push_back(i);
  }
  const double mean = std::accumulate(values, values + count, 0.0) / static_cast<double>(count);
  double largest = 0;
  for (double& x : scaled) {
    x -= mean;
    largest = std::max(largest, std::abs(x));
  }
  for (double& x : scaled) x = largest > 0 ? x / largest : 0;
}

CorrelationBootstrap::CorrelationBootstrap(const std::vector<double>& gold,
                                           const double* predicted, Index num_models)
    : gold_(gold.data(), static_cast<Index>(gold.size())) {
  for (Index model = 0; model < num_models; ++model) {
    models_.emplace_back(predicted + model * num_items(), num_items());
  }
}

double CorrelationBootstrap::rank(const Scores& scores, const uint32_t* counts, double* ranks) {
  const double half = static_cast<double>(scores.order.size()) / 2;
  double before = 0, squares = 0;
  uint32_t i = 0;
  for (const uint32_t end : scores.group_ends) {
    uint32_t drawn = 0;
    for (uint32_t j = i; j < end; ++j) drawn += counts[scores.order[j]];
    const double centred = before + drawn * 0.5 - half;
    for (; i < end; ++i) ranks[scores.order[i]] = centred;
    squares += drawn * centred * centred;
    before += drawn;
  }
  return squares;
}

double CorrelationBootstrap::pearson(const Scores& x, const Scores& y, const uint32_t* counts) {
  constexpr double kLeastVariance = 1e-18;  // of the scaled values, squared: rounding alone
  double sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
  const size_t count = x.scaled.size();
  for (size_t i = 0; i < count; ++i) {
    const double a = x.scaled[i], b = y.scaled[i];
    const double wa = counts[i] * a, wb = counts[i] * b;
    sx += wa;
    sy += wb;
    sxx += wa * a;
    syy += wb * b;
    sxy += wa * b;
  }
  const auto n = static_cast<double>(count);
  const double mx = sx / n, my = sy / n;
  const double variances = (sxx / n - mx * mx) * (syy / n - my * my);
  if (!(variances > kLeastVariance)) return std::numeric_limits<double>::quiet_NaN();
  return (sxy / n - mx * my) / std::sqrt(variances);
}

void CorrelationBootstrap::run(uint64_t seed, Index first, Index num_resamples, int num_threads,
                               double* values) const {
  run_ranges(num_resamples, num_threads, [&](Index begin, Index end) {
    const auto items = static_cast<size_t>(num_items());
    std::vector<uint32_t> counts(items);
    std::vector<double> gold_ranks(items), ranks(items);
    for (Index r = begin; r < end; ++r) {
      draw_resample(seed, first + r, num_items(), counts.data());
      const double gold_squares = rank(gold_, counts.data(), gold_ranks.data());
      for (size_t i = 0; i < items; ++i) gold_ranks[i] *= counts[i];
      double* const row = values + r * 2 * num_models();
      for (const Scores& model : models_) {
        const auto column = &model - models_.data();
        const double scale = gold_squares * rank(model, counts.data(), ranks.data());
        const double covariance =
            std::inner_product(ranks.begin(), ranks.end(), gold_ranks.begin(), 0.0);
        row[column] = scale > 0 ? covariance / std::sqrt(scale)
                                : std::numeric_limits<double>::quiet_NaN();
        row[num_models() + column] = pearson(gold_, model, counts.data());
      }
    }
  });
}

}  // namespace embkit
