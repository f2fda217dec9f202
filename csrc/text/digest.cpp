#include "text/digest.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "core/word_hash.h"
#include "core/workers.h"

namespace embkit {
namespace {

using Digest = std::array<uint64_t, 2>;

constexpr size_t kSegment = size_t{1} << 20;
constexpr std::array<uint64_t, 4> kKeys = {0x9E3779B97F4A7C15u, 0xC2B2AE3D27D4EB4Fu,
                                           0x165667B19E3779F9u, 0xD6E8FEB86659FD93u};

Digest digest_segment(const char* p, size_t size) {
  std::array<uint64_t, 4> lanes = kKeys;  // four chains, so that products overlap
  size_t left = size;
  for (; left >= 32; left -= 32, p += 32) {
    for (size_t i = 0; i < 4; ++i) lanes[i] = fold(lanes[i] ^ load8(p + 8 * i), kKeys[i]);
  }
  for (size_t i = 0; left > 0; ++i) {
    const size_t count = std::min<size_t>(left, 8);
    lanes[i % 4] = fold(lanes[i % 4] ^ load_bytes(p, count), kKeys[i % 4] + count);
    left -= count;
    p += count;
  }
  Digest result = {size, ~size};
  for (size_t i = 0; i < 4; ++i) {
    result[0] = fold(result[0] ^ lanes[i], kKeys[i]);
    result[1] = fold(result[1] ^ lanes[3 - i], kKeys[(i + 1) % 4]);
  }
  return result;
}

}  // namespace

Digest digest(const void* data, size_t size, int num_threads,
              const std::function<bool()>& keep_going) {
  const size_t num_segments = size / kSegment + 1;
  std::vector<Digest> digests(num_segments);
  std::atomic<size_t> next{0};
  const auto body = [&](int, const std::atomic<bool>& stop) {
    for (size_t i = next++; i < num_segments && !stop; i = next++) {
      const size_t begin = i * kSegment;
      digests[i] = digest_segment(static_cast<const char*>(data) + begin,
                                  std::min(kSegment, size - begin));
    }
  };
  if (num_segments == 1) {  // sooner done than a thread is started
    digests[0] = digest_segment(static_cast<const char*>(data), size);
  } else {
    const int useful = static_cast<int>(std::min<size_t>(num_segments, 64));
    run_workers(std::min(num_threads, useful), body, keep_going);
  }
  return digest_segment(reinterpret_cast<const char*>(digests.data()),
                        digests.size() * sizeof(Digest));
}

}  // namespace embkit
