#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace embkit {

// A 128-bit digest of bytes in their order: 1 MiB segments hashed in parallel by folded
// products under a fixed key, and their hashes hashed. The same for any number of threads. It
// tells accidents, not forgeries. keep_going as in run_workers.
std::array<uint64_t, 2> digest(const void* data, size_t size, int num_threads,
                               const std::function<bool()>& keep_going);

}  // namespace embkit
