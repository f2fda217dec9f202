#include "core/line_transfer.h"

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "core/workers.h"

namespace embkit {
namespace {

// The cores that this process may use; none where the system does not tell.
std::vector<int> usable_cores() {
  std::vector<int> cores;
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
#endif
  return cores;
}

// Keeps the calling thread on a core: on a busy system threads just started share one.
void stay_on([[maybe_unused]] int core) {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
#endif
}

// The least nanoseconds from thread to thread; 0 where they were not on cores at the same time
// within `most_time`. Each stays on one of `cores`, unless there are none.
double least_ns(int num_threads, const std::vector<int>& cores,
                std::chrono::milliseconds most_time) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRounds = 2000;
  constexpr double kMostNs = 1000;  // beyond that threads waited for a core, not for a line
  constexpr int kSpins = 256;       // between two looks at the clock
  alignas(64) std::atomic<int> turn{0};
  double least = 0;
  const auto hand_on = [&](int me, const std::atomic<bool>& stop) {
    if (!cores.empty()) {
      stay_on(cores[cores.size() * static_cast<size_t>(me) / static_cast<size_t>(num_threads)]);
    }
    const Clock::time_point start = Clock::now();
    Clock::time_point before = start;
    for (int round = 0; round < kRounds; ++round) {
      const int mine = round * num_threads + me;
      for (int spins = 0; turn.load(std::memory_order_acquire) != mine; ++spins) {
        if (spins % kSpins == kSpins - 1 && (stop || Clock::now() - start > most_time)) return;
      }
      if (me == 0) {
        const Clock::time_point now = Clock::now();
        const double ns = std::chrono::duration<double, std::nano>(now - before).count();
        const double each = ns / num_threads;
        if (round > 0) least = least == 0 ? each : std::min(least, each);
        before = now;
      }
      turn.store(mine + 1, std::memory_order_release);
    }
  };
  run_workers(num_threads, hand_on, [] { return true; });
  return least < kMostNs ? least : 0;
}

}  // namespace

double line_transfer_ns(int num_threads) {
  using std::chrono::milliseconds;
  const std::vector<int> cores = usable_cores();
  if (!cores.empty()) num_threads = std::min(num_threads, static_cast<int>(cores.size()));
  if (num_threads < 2) return 0;
  // Where the system puts the threads is where it will put those that train. On a busy one
  // those just started share a core at first: then each is kept on one of its own.
  const double ns = least_ns(num_threads, {}, milliseconds(5));
  return ns > 0 || cores.empty() ? ns : least_ns(num_threads, cores, milliseconds(30));
}

}  // namespace embkit
