#include "train/hot_rows.h"

namespace embkit {
namespace {

constexpr double kShare = 0.005;             // of a row's uses that a copy may miss
constexpr size_t kBytes = size_t{12} << 20;  // of a matrix's copies, all threads' together
constexpr uint32_t kLeastUses = 2;           // fewer are not worth a copy

}  // namespace

HotRowPlan plan_hot_rows(const std::vector<double>& uses, const HotRowRule& rule) {
  const auto threads = static_cast<size_t>(rule.num_threads);
  const size_t row_bytes =
      2 * sizeof(float) * static_cast<size_t>(rule.stride);  // and its base's
  const size_t most_rows = std::min(kBytes / row_bytes / threads, uses.size());
  const int most_uses = rule.most_uses / rule.num_threads;
  HotRowPlan plan;
  while (plan.limits.size() < most_rows) {
    const size_t i = plan.limits.size();
    const double all = uses[rule.are_last ? uses.size() - 1 - i : i];
    const double limit = std::min<double>(all * kShare / rule.num_threads, most_uses);
    if (limit < kLeastUses) break;
    plan.limits.push_back(static_cast<uint32_t>(limit));
  }
  if (rule.are_last) {
    std::reverse(plan.limits.begin(), plan.limits.end());
    plan.begin = static_cast<Index>(uses.size() - plan.limits.size());
  }
  return plan;
}

}  // namespace embkit
