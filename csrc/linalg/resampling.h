#pragma once

#include <cstdint>
#include <vector>

#include "core/types.h"

namespace embkit {

// The bootstrap (Efron 1979): resample number r of `num_items` items draws as many as there are
// with replacement, and is a function of seed and r alone. Writes how often each was drawn.
void draw_resample(uint64_t seed, Index resample, Index num_items, uint32_t* counts);

// Spearman's and Pearson's correlation of one list of scores with others, over resamples of the
// items. Values are sorted once; ranks, ties averaged, follow from the counts of a resample.
// Immutable: threads share it.
class CorrelationBootstrap {
 public:
  // `predicted`: num_models x gold.size(). All finite.
  CorrelationBootstrap(const std::vector<double>& gold, const double* predicted,
                       Index num_models);

  Index num_items() const { return static_cast<Index>(gold_.scaled.size()); }
  Index num_models() const { return static_cast<Index>(models_.size()); }

  // Fills values, num_resamples x (2 num_models), for resamples first, first + 1, ...:
  // Spearman's rho for each model, then Pearson's r; NaN where a list is constant.
  void run(uint64_t seed, Index first, Index num_resamples, int num_threads,
           double* values) const;

 private:
  struct Scores {
    explicit Scores(const double* values, Index count);

    std::vector<double> scaled;   // less their mean, over the largest of them
    std::vector<uint32_t> order;  // items by rising value
    std::vector<uint32_t> group_ends;
  };

  // Writes each item's rank less the mean rank; returns the sum of squares over drawn items.
  static double rank(const Scores& scores, const uint32_t* counts, double* ranks);
  static double pearson(const Scores& x, const Scores& y, const uint32_t* counts);

  Scores gold_;
  std::vector<Scores> models_;
};

}  // namespace embkit
