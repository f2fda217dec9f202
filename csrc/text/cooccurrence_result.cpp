#include "text/cooccurrence_result.h"

#include <chrono>
#include <cstring>

#include "io/descriptor.h"

namespace embkit {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(50);
constexpr double kUnit = 0x1p-32;  // of the weights

void turn_into_doubles(std::vector<uint64_t>& sums) {
  static_assert(sizeof(double) == sizeof(uint64_t));
  for (uint64_t& sum : sums) {
    const double value = static_cast<double>(sum) * kUnit;
    std::memcpy(&sum, &value, sizeof sum);
  }
}

}  // namespace

CooccurrenceResult::CooccurrenceResult(const CooccurrenceFiles& files, Index num_rows)
    : files_(files), row_begins_(static_cast<size_t>(num_rows) + 1) {}

void CooccurrenceResult::write(size_t index, Index first_row, CooccurrenceBlock& block,
                               const std::atomic<bool>& stop) {
  const auto num_entries = static_cast<int64_t>(block.columns.size());
  const int64_t place = take_place(index, num_entries, stop);
  if (stop) return;
  int64_t end = place;
  for (size_t i = 0; i < block.row_sizes.size(); ++i) {
    end += block.row_sizes[i];
    row_begins_[static_cast<size_t>(first_row) + i + 1] = end;
  }
  turn_into_doubles(block.sums);
  write_at(files_.values, block.sums.data(), block.sums.size() * sizeof(double),
           files_.values_begin + place * static_cast<int64_t>(sizeof(double)),
           files_.values_name);
  write_at(files_.columns, block.columns.data(), block.columns.size() * sizeof(int32_t),
           files_.columns_begin + place * static_cast<int64_t>(sizeof(int32_t)), files_.folder);
}

int64_t CooccurrenceResult::take_place(size_t index, int64_t num_entries,
                                       const std::atomic<bool>& stop) {
  std::unique_lock lock(mutex_);
  while (turn_ != index && !stop) turn_taken_.wait_for(lock, kPollInterval);
  const int64_t place = end_;
  end_ += num_entries;
  ++turn_;
  turn_taken_.notify_all();
  return place;
}

}  // namespace embkit
