#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <system_error>
#include <vector>

#include "core/errors.h"

namespace embkit {
namespace detail {

template <typename Body>
std::future<void> start(const Body& body, int worker, int num_workers) {
  try {
    return std::async(std::launch::async, body, worker);
  } catch (const std::system_error& error) {
    throw ResourceError(
        "thread " + std::to_string(worker + 1) + " of " + std::to_string(num_workers) +
        " could not be started: " + error.code().message() + "; threads must be fewer here");
  }
}

}  // namespace detail

// Runs body(worker, stop) on num_workers threads and waits for them all.
//
// `stop` turns true when a worker throws or keep_going() returns false; a body checks it
// between chunks and returns early. keep_going runs on the calling thread about ten times a
// second. The first worker's exception is rethrown; ResourceError where a thread cannot be
// started.
inline void run_workers(int num_workers,
                        const std::function<void(int, const std::atomic<bool>&)>& body,
                        const std::function<bool()>& keep_going) {
  constexpr auto kPollInterval = std::chrono::milliseconds(100);
  std::atomic<bool> stop{false};
  const auto guarded = [&](int worker) {
    try {
      body(worker, stop);
    } catch (...) {
      stop = true;
      throw;
    }
  };

  std::vector<std::future<void>> workers;  // declared last: joins before the rest dies
  try {
    for (int worker = 0; worker < num_workers; ++worker) {
      workers.push_back(detail::start(guarded, worker, num_workers));
    }
    for (const auto& worker : workers) {
      while (worker.wait_for(kPollInterval) != std::future_status::ready) {
        if (!stop && !keep_going()) stop = true;
      }
    }
  } catch (...) {  // a callback threw, or a thread could not start
    stop = true;
    throw;
  }
  for (auto& worker : workers) worker.get();
}

}  // namespace embkit
