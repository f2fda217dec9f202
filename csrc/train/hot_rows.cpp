#include "train/hot_rows.h"

namespace embkit {
namespace {

constexpr double kShare = 0.005;             // of a row's uses that a copy may miss
constexpr size_t kBytes = size_t{12} << 20;  // of a matrix's copies, all threads' together
constexpr uint32_t kLeastUses = 2;           // fewer are not worth a copy

}  // namespace

HotRowPlan plan_hot_rows(const std::vector<double>& uses, bool are_last, int num_threads,
                         Index stride, int most) {
  const size_t row_bytes = 2 * sizeof(float) * static_cast<size_t>(stride);  // and its base's
  const size_t room = kBytes / row_bytes / static_cast<size_t>(num_threads);
  HotRowPlan plan;
  while (plan.limits.size() < std::min(room, uses.size())) {
    const size_t i = plan.limits.size();
    const double all = uses[are_last ? uses.size() - 1 - i : i];
    const double limit = std::min<double>(all * kShare / num_threads, most);
    if (limit < kLeastUses) break;
    plan.limits.push_back(static_cast<uint32_t>(limit));
  }
  if (are_last) {
    std::reverse(plan.limits.begin(), plan.limits.end());
    plan.begin = static_cast<Index>(uses.size() - plan.limits.size());
  }
  return plan;
}

void set_last_limits(HotRowPlan& plan, Index num_rows, Index count, uint32_t limit) {
  const auto last = static_cast<size_t>(count);
  if (plan.limits.size() < last) plan = {num_rows - count, std::vector<uint32_t>(last)};
  std::fill(plan.limits.end() - count, plan.limits.end(), limit);
}

}  // namespace embkit
