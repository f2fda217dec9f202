#pragma once

#include <algorithm>
#include <atomic>

#include "core/types.h"
#include "core/workers.h"

namespace embkit {

// Calls body(begin, end) for num_threads equal parts of 0 .. count, each on a thread of its
// own; a single part runs on the calling thread, which saves the hand-over. Rethrows.
template <typename Body>
void run_ranges(Index count, int num_threads, const Body& body) {
  const Index parts = std::max<Index>(1, std::min<Index>(num_threads, count));
  if (parts == 1) {
    body(Index{0}, count);
    return;
  }
  run_workers(
      static_cast<int>(parts),
      [&](int part, const std::atomic<bool>&) {
        body(count * part / parts, count * (part + 1) / parts);
      },
      [] { return true; });
}

}  // namespace embkit
