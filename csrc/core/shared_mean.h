#pragma once

#include <atomic>

#include "core/random.h"

// A value that several workers learn at a time, such as log Z of NCE, which every step moves.
// Each worker moves a copy of its own; now and then its copy joins the mean of the workers'
// copies, and the worker goes on from there.
//
// The mean, since all of them correct the same error: the sum of what they gained would
// overshoot, and from three workers on grow without end. A join leaves (1 - 1/n) of the mean's
// error and adds 1/n of the copy's, so that it shrinks wherever one worker's does.
namespace embkit {

// The mean of `count` copies once one of them is `copy`.
EMBKIT_HOST_DEVICE inline double join_mean(double mean, double copy, double count) {
  return mean + (copy - mean) / count;
}

// Such a mean for threads.
class SharedMean {
 public:
  explicit SharedMean(double value) : value_(value) {}

  // Takes in the copy of one of `count` workers; returns the mean.
  double join(double copy, double count) {
    double before = value_, mean = 0;
    do {
      mean = join_mean(before, copy, count);
    } while (!value_.compare_exchange_weak(before, mean));
    return mean;
  }
  double value() const { return value_; }
  void set(double value) { value_ = value; }

 private:
  std::atomic<double> value_;
};

}  // namespace embkit
