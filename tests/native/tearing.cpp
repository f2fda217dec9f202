// Looks for torn floats in the rows that threads share without synchronisation.
//
//   tearing READS [halves]
//
// One thread fills rows with one of two values that differ in every byte, again and again. Two
// others run each kernel that may race on the same rows with a learning rate of 0: it loads and
// stores what is there. So a row holds these two values alone, whatever the interleaving; the
// main thread reads READS floats, and counts what is neither. With `halves` the first thread
// stores the halves of each float one after the other, which must be seen, or the check would
// be blind. Prints how many of each were read and how often the kernels went over the rows;
// exits with 1 where one was torn, or a kernel thread never ran.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "simd/kernels.h"

namespace embkit::simd {
namespace {

constexpr int kStride = 64;  // two rows of GloVe's of 32, each with its sums
constexpr int kNumRows = 16;
constexpr size_t kNumFloats = static_cast<size_t>(kStride) * kNumRows;
constexpr uint32_t kValues[] = {0x3faaa55a, 0x40155aa5};  // 1.333 and 2.333

struct alignas(64) Shared {
  float rows[kNumFloats];

  float* row(int i) { return rows + i * kStride; }
};

void store_whole(float* to, uint32_t bits) {
  __atomic_store_n(reinterpret_cast<uint32_t*>(to), bits, __ATOMIC_RELAXED);
}

void store_halves(float* to, uint32_t bits) {
  volatile uint16_t* halves = reinterpret_cast<uint16_t*>(to);
  halves[0] = static_cast<uint16_t>(bits);
  halves[1] = static_cast<uint16_t>(bits >> 16);
}

void fill(Shared& shared, const std::atomic<bool>& stops, bool in_halves) {
  for (unsigned turn = 0; !stops.load(std::memory_order_relaxed); ++turn) {
    for (float& place : shared.rows) {
      (in_halves ? store_halves : store_whole)(&place, kValues[turn % 2]);
    }
  }
}

// Skip-gram and CBOW, the first half of the rows against the second.
int64_t take_steps(Shared& shared, const std::atomic<bool>& stops) {
  std::vector<float*> inputs, outputs;
  for (int i = 0; i < kNumRows / 2; ++i) {
    inputs.push_back(shared.row(i));
    outputs.push_back(shared.row(kNumRows / 2 + i));
  }
  std::vector<uint8_t> labels(outputs.size());
  labels[0] = 1;
  alignas(64) static float scratch[scratch_floats(kNumRows / 2, kStride)];
  Step step{};
  step.inputs = inputs.data();
  step.outputs = outputs.data();
  step.labels = labels.data();
  step.num_inputs = step.num_outputs = kNumRows / 2;
  step.stride = kStride;
  step.scale = 0.125F;
  step.scratch = scratch;
  int64_t turns = 0;
  for (; !stops.load(std::memory_order_relaxed); ++turns) {
    kernels().train_window(step);
    kernels().train_cbow(step);
  }
  return turns;
}

// Copies of rows that gained nothing, and cells of GloVe.
int64_t take_exchanges(Shared& shared, const std::atomic<bool>& stops) {
  alignas(64) static float mine[kNumFloats], base[kNumFloats];
  std::vector<GloveCell> cells;
  for (uint32_t i = 0; i < kNumRows / 2; ++i) cells.push_back({i, i, 0.5F, 1});
  GloveStep step{};
  step.cells = cells.data();
  step.num_cells = cells.size();
  step.rows = shared.rows;
  step.columns = shared.row(kNumRows / 2);
  step.stride = kStride / 2;
  int64_t turns = 0;
  for (; !stops.load(std::memory_order_relaxed); ++turns) {
    kernels().exchange(shared.rows, mine, base, kNumFloats);
    kernels().train_glove(step);
  }
  return turns;
}

struct Seen {
  int64_t first = 0;
  int64_t second = 0;
  int64_t torn = 0;
};

Seen read_rows(const Shared& shared, int64_t num_reads) {
  Seen seen;
  for (int64_t left = num_reads; left > 0; left -= kNumFloats) {
    for (const float& place : shared.rows) {
      const uint32_t bits =
          __atomic_load_n(reinterpret_cast<const uint32_t*>(&place), __ATOMIC_RELAXED);
      seen.first += bits == kValues[0];
      seen.second += bits == kValues[1];
      seen.torn += bits != kValues[0] && bits != kValues[1];
    }
  }
  return seen;
}

int run(int64_t num_reads, bool in_halves) {
  static Shared shared;
  for (float& place : shared.rows) store_whole(&place, kValues[0]);
  std::atomic<bool> stops{false};
  int64_t steps = 0, exchanges = 0;
  std::thread threads[] = {std::thread([&] { fill(shared, stops, in_halves); }),
                           std::thread([&] { steps = take_steps(shared, stops); }),
                           std::thread([&] { exchanges = take_exchanges(shared, stops); })};
  const Seen seen = read_rows(shared, num_reads);
  stops = true;
  for (std::thread& thread : threads) thread.join();
  const std::pair<const char*, int64_t> told[] = {{"first", seen.first},
                                                  {"second", seen.second},
                                                  {"torn", seen.torn},
                                                  {"steps", steps},
                                                  {"exchanges", exchanges}};
  for (const auto& [name, count] : told) {
    std::printf("%s %lld\n", name, static_cast<long long>(count));
  }
  return seen.torn > 0 || std::min(steps, exchanges) == 0 ? 1 : 0;
}

}  // namespace
}  // namespace embkit::simd

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return embkit::simd::run(std::atoll(argv[1]), argc > 2 && std::string(argv[2]) == "halves");
}
