#include "linalg/norms.h"

#include <cmath>

#include "core/workers.h"

namespace embkit {
namespace {

constexpr Index kLanes = 8;  // independent sums, so that the compiler can use vectors

template <typename Left, typename Right>
double lane_dot(const Left* left, const Right* right, Index dim) {
  double sums[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    for (Index lane = 0; lane < kLanes; ++lane) {
      sums[lane] += static_cast<double>(left[i + lane]) * static_cast<double>(right[i + lane]);
    }
  }
  double sum = 0;
  for (; i < dim; ++i) sum += static_cast<double>(left[i]) * static_cast<double>(right[i]);
  for (const double lane_sum : sums) sum += lane_sum;
  return sum;
}

}  // namespace

double dot(const double* left, const float* right, Index dim) {
  return lane_dot(left, right, dim);
}

double dot(const double* left, const double* right, Index dim) {
  return lane_dot(left, right, dim);
}

void row_norms(const float* rows, Index num_rows, Index dim, int num_threads, double* norms) {
  const auto body = [&](int worker, const std::atomic<bool>&) {
    const Index end = num_rows * (worker + 1) / num_threads;
    for (Index row = num_rows * worker / num_threads; row < end; ++row) {
      norms[row] = std::sqrt(lane_dot(rows + row * dim, rows + row * dim, dim));
    }
  };
  run_workers(num_threads, body, [] { return true; });
}

}  // namespace embkit
