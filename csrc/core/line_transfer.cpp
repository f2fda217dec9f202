#include "core/line_transfer.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "core/workers.h"

namespace embkit {

double line_transfer_ns(int num_threads) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRounds = 2000;
  constexpr auto kMostTime = std::chrono::milliseconds(5);
  constexpr double kMostNs = 1000;  // beyond that threads waited for a core, not for a line
  constexpr int kSpins = 256;       // between two looks at the clock
  if (num_threads < 2) return 0;
  alignas(64) std::atomic<int> turn{0};
  double least = 0;
  const auto hand_on = [&](int me, const std::atomic<bool>& stop) {
    const Clock::time_point start = Clock::now();
    Clock::time_point before = start;
    for (int round = 0; round < kRounds; ++round) {
      const int mine = round * num_threads + me;
      for (int spins = 0; turn.load(std::memory_order_acquire) != mine; ++spins) {
        if (spins % kSpins == kSpins - 1 && (stop || Clock::now() - start > kMostTime)) return;
      }
      if (me == 0 && round > 0) {
        const Clock::time_point now = Clock::now();
        const double ns = std::chrono::duration<double, std::nano>(now - before).count();
        const double each = ns / num_threads;
        least = least == 0 ? each : std::min(least, each);
        before = now;
      } else if (me == 0) {
        before = Clock::now();
      }
      turn.store(mine + 1, std::memory_order_release);
    }
  };
  run_workers(num_threads, hand_on, [] { return true; });
  return least < kMostNs ? least : 0;
}

}  // namespace embkit
