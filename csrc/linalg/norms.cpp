#include "linalg/norms.h"

#include <cmath>

#include "linalg/ranges.h"

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
  run_ranges(num_rows, num_threads, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      norms[row] = std::sqrt(lane_dot(rows + row * dim, rows + row * dim, dim));
    }
  });
}

}  // namespace embkit
