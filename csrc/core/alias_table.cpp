#include "core/alias_table.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace embkit {
namespace {

double checked_sum(const std::vector<double>& weights) {
  if (weights.size() > std::numeric_limits<uint32_t>::max()) {
    throw std::invalid_argument("weights must be fewer than 2^32, got " +
                                std::to_string(weights.size()));
  }
  double sum = 0;
  for (const double weight : weights) {
    if (!std::isfinite(weight) || weight < 0) {
      throw std::invalid_argument("weights must be finite and non-negative, got " +
                                  std::to_string(weight));
    }
    sum += weight;
  }
  if (!(sum > 0) || !std::isfinite(sum)) {
    throw std::invalid_argument("weights must have a positive finite sum, got " +
                                std::to_string(sum));
  }
  return sum;
}

// A probability as a 32-bit threshold.
uint32_t threshold(double probability) {
  constexpr double kScale = 4294967296.0;
  return probability >= 1 ? std::numeric_limits<uint32_t>::max()
                          : static_cast<uint32_t>(probability * kScale);
}

}  // namespace

AliasTable::AliasTable(const std::vector<double>& weights) : slots_(weights.size()) {
  const double scale = static_cast<double>(weights.size()) / checked_sum(weights);

  std::vector<double> mass(weights.size());  // scaled: a full slot has mass 1
  std::vector<WordId> under, over;
  for (size_t id = 0; id < mass.size(); ++id) {
    mass[id] = weights[id] * scale;
    (mass[id] < 1 ? under : over).push_back(static_cast<WordId>(id));
  }

  while (!under.empty() && !over.empty()) {
    const WordId small = under.back();
    const WordId large = over.back();
    under.pop_back();
    slots_[small] = {threshold(mass[small]), large};
    mass[large] -= 1 - mass[small];
    if (mass[large] < 1) {
      over.pop_back();
      under.push_back(large);
    }
  }

  // What rounding left on either stack fills its slot alone: its alias is itself.
  for (const WordId id : under) slots_[id] = {threshold(1), id};
  for (const WordId id : over) slots_[id] = {threshold(1), id};
}

}  // namespace embkit
