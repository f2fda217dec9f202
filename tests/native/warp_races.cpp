// The CUDA kernels on the host under ThreadSanitizer: every lane is a fiber, and only sync()
// orders what lanes do. On a device a ballot or a shuffle brings lanes together, but promises
// nothing of what they wrote to memory; so memory that passes from lane to lane needs a sync()
// between, and here a missing one is a data race.
//
//   warp_races words|blocks|batches [FILE:LINE]
//
// prints each sync() that was met, its file and line; the one named orders nothing.

#include <sanitizer/tsan_interface.h>
#include <ucontext.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/shared_mean.h"
#include "cuda/batch_layout.h"
#include "cuda/block_trainer.h"
#include "cuda/warp_trainer.h"

#define EMBKIT_UNSEEN __attribute__((no_sanitize("thread"), noinline))

namespace embkit::cuda {
namespace {

constexpr int kMaxWarps = 2;
constexpr int kMaxLanes = kMaxWarps * kWarpSize;
constexpr size_t kStackBytes = 256 << 10;

// The sync() that is to order nothing, and those that were met.
struct Sites {
  std::string skipped;
  const char* files[64];
  int lines[64];
  int count = 0;
};
Sites sites;

EMBKIT_UNSEEN bool orders(const char* file, int line) {
  const char* const slash = std::strrchr(file, '/');
  const char* const name = slash != nullptr ? slash + 1 : file;
  int i = 0;
  while (i < sites.count &&
         (sites.lines[i] != line || std::strcmp(sites.files[i], name) != 0)) {
    ++i;
  }
  if (i == sites.count) {
    sites.files[i] = name;
    sites.lines[i] = line;
    ++sites.count;
  }
  char text[200];
  std::snprintf(text, sizeof text, "%s:%d", name, line);
  return sites.skipped != text;
}

// Fibers that are run in turn and change only where they meet, with no order between them but
// what acquire and release make.
class Fibers {
 public:
  EMBKIT_UNSEEN void run(int count, const std::function<void(int)>& body) {
    count_ = running_ = count;
    body_ = &body;
    home_fiber_ = __tsan_get_current_fiber();
    for (int i = 0; i < count; ++i) {
      if (!stacks_[i]) stacks_[i].reset(new char[kStackBytes]);
      fibers_[i] = __tsan_create_fiber(0);
      is_done_[i] = false;
      warp_meetings_[i] = block_meetings_[i] = 0;
      getcontext(&contexts_[i]);
      contexts_[i].uc_stack.ss_sp = stacks_[i].get();
      contexts_[i].uc_stack.ss_size = kStackBytes;
      contexts_[i].uc_link = nullptr;
      const auto self = reinterpret_cast<uintptr_t>(this);
      makecontext(&contexts_[i], reinterpret_cast<void (*)()>(&Fibers::start), 2,
                  static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
    }
    current_ = 0;
    __tsan_switch_to_fiber(fibers_[0], __tsan_switch_to_fiber_no_sync);
    swapcontext(&home_, &contexts_[0]);
    for (int i = 0; i < count; ++i) __tsan_destroy_fiber(fibers_[i]);
    __tsan_acquire(&end_);
  }

  // Waits for all lanes of this one's warp, or of the block.
  EMBKIT_UNSEEN void meet_warp(bool is_ordered) {
    const int first = current_ / kWarpSize * kWarpSize;
    meet(warp_meetings_, warp_tokens_ + 2 * (first / kWarpSize), first, first + kWarpSize,
         is_ordered);
  }
  EMBKIT_UNSEEN void meet_block(bool is_ordered) {
    meet(block_meetings_, block_tokens_, 0, count_, is_ordered);
  }

  // What lanes of a warp give each other; meetings take turns.
  EMBKIT_UNSEEN uint64_t* slots() {
    return exchange_[warp_meetings_[current_] % 2] + current_ / kWarpSize * kWarpSize;
  }

 private:
  EMBKIT_UNSEEN static void start(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<Fibers*>(uintptr_t{high} << 32 | low);
    (*self->body_)(self->current_);
    __tsan_release(&self->end_);
    self->is_done_[self->current_] = true;
    --self->running_;
    self->leave();
  }

  EMBKIT_UNSEEN void meet(uint64_t* meetings, char* tokens, int first, int last,
                          bool is_ordered) {
    const uint64_t mine = ++meetings[current_];
    // Two tokens, so that none gets what a faster lane releases at the next meeting.
    char* const token = tokens + mine % 2;
    if (is_ordered) __tsan_release(token);
    const int self = current_;
    for (;;) {
      bool are_all_here = true;
      for (int i = first; i < last; ++i) are_all_here &= meetings[i] >= mine;
      if (are_all_here) break;
      leave();
      if (current_ != self) std::abort();
    }
    if (is_ordered) __tsan_acquire(token);
  }

  EMBKIT_UNSEEN void leave() {
    const int self = current_;
    ucontext_t* to = &home_;
    void* fiber = home_fiber_;
    if (running_ > 0) {
      do current_ = (current_ + 1) % count_;
      while (is_done_[current_]);
      if (current_ == self) std::abort();  // a lane waits for one that has ended
      to = &contexts_[current_];
      fiber = fibers_[current_];
    }
    __tsan_switch_to_fiber(fiber, __tsan_switch_to_fiber_no_sync);
    swapcontext(&contexts_[self], to);
  }

  int count_ = 0, running_ = 0, current_ = 0;
  const std::function<void(int)>* body_ = nullptr;
  ucontext_t home_;
  void* home_fiber_ = nullptr;
  ucontext_t contexts_[kMaxLanes];
  void* fibers_[kMaxLanes];
  std::unique_ptr<char[]> stacks_[kMaxLanes];
  bool is_done_[kMaxLanes];
  uint64_t warp_meetings_[kMaxLanes], block_meetings_[kMaxLanes];
  uint64_t exchange_[2][kMaxLanes];
  char warp_tokens_[2 * kMaxWarps], block_tokens_[2], end_;
};

// A lane's view of its warp. Counters are atomic on a device; so are additions to rows, and
// where several warps race for rows on purpose, nobody looks at them here.
template <bool kSharesRows>
class RaceWarp {
 public:
  RaceWarp(Fibers& fibers, int number) : fibers_(fibers), lane_(number % kWarpSize) {}

  int lane() const { return lane_; }
  void sync(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    fibers_.meet_warp(orders(file, line));
  }
  EMBKIT_UNSEEN uint32_t ballot(bool flag) {
    const uint64_t* const flags = give(&flag, sizeof flag);
    uint32_t bits = 0;
    for (int i = 0; i < kWarpSize; ++i) bits |= static_cast<uint32_t>(flags[i] & 1) << i;
    return bits;
  }
  template <typename Value>
  EMBKIT_UNSEEN Value shuffle(Value value, int source) {
    std::memcpy(&value, give(&value, sizeof value) + source, sizeof value);
    return value;
  }
  template <typename Value>
  Value shuffle_xor(Value value, int mask) {
    return shuffle(value, lane_ ^ mask);
  }

  Float4 load(const float* pointer) const {
    return kSharesRows ? unseen_load(pointer) : *reinterpret_cast<const Float4*>(pointer);
  }
  void add(float* pointer, Float4 value, Updates) {
    if (kSharesRows) return unseen_add(pointer, value);
    auto& row = *reinterpret_cast<Float4*>(pointer);
    row = row + value;
  }
  void begin_copy(float* to, const float* from) { *reinterpret_cast<Float4*>(to) = load(from); }
  void end_copies() {}
  EMBKIT_UNSEEN uint64_t take(uint64_t* counter) { return (*counter)++; }
  EMBKIT_UNSEEN void count(uint64_t* counter, uint64_t value) { *counter += value; }
  EMBKIT_UNSEEN void count(double* counter, double value) { *counter += value; }
  EMBKIT_UNSEEN double join(double* mean, double copy, double count) {
    return *mean = join_mean(*mean, copy, count);
  }
  EMBKIT_UNSEEN double read(const double* counter) const { return *counter; }

 private:
  EMBKIT_UNSEEN const uint64_t* give(const void* value, size_t bytes) {
    uint64_t* const slots = fibers_.slots();
    slots[lane_] = 0;
    std::memcpy(slots + lane_, value, bytes);
    fibers_.meet_warp(false);
    return slots;
  }
  EMBKIT_UNSEEN static Float4 unseen_load(const float* from) {
    return {from[0], from[1], from[2], from[3]};
  }
  EMBKIT_UNSEEN static void unseen_add(float* to, Float4 value) {
    to[0] += value.x;
    to[1] += value.y;
    to[2] += value.z;
    to[3] += value.w;
  }

  Fibers& fibers_;
  int lane_;
};

class RaceBlock {
 public:
  using Warp = RaceWarp<true>;
  using Tile = PlainTile;

  RaceBlock(Fibers& fibers, int number, int num_warps)
      : fibers_(fibers),
        warp_(fibers, number),
        number_(number / kWarpSize),
        num_warps_(num_warps) {}
  Warp& warp() { return warp_; }
  int number() const { return number_; }
  int num_warps() const { return num_warps_; }
  void sync(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    fibers_.meet_block(orders(file, line));
  }

 private:
  Fibers& fibers_;
  Warp warp_;
  int number_;
  int num_warps_;
};

// A small text of few words, so that they repeat within windows, with rows and tables.
struct Problem {
  std::vector<uint32_t> ids, keep_below;
  std::vector<AliasSlot> noise;
  std::vector<float> offsets, input, output;
  std::vector<Float4> workspace;
  Counters counters{};
  TrainTask task{};

  explicit Problem(int dim, int negatives, bool is_noise_contrastive) {
    constexpr uint32_t kWords = 9;
    constexpr Index kTokens = 1100;  // two chunks
    task.dim = dim;
    task.stride = round_up(dim, kRowAlignment);
    for (Index i = 0; i < kTokens; ++i) {
      const auto word = static_cast<uint32_t>(mix64(static_cast<uint64_t>(i)) % kWords);
      ids.push_back(word | (i % 37 == 0 ? kSentenceStart : 0));
    }
    for (uint32_t word = 0; word < kWords; ++word) {
      keep_below.push_back((1u << 24) / (1 + word % 3));
      noise.push_back({1u << 31, (word + 1) % kWords});
      offsets.push_back(-0.1f * static_cast<float>(word));
    }
    input.assign(kWords * static_cast<size_t>(task.stride), 0.01f);
    output = input;
    task.ids = ids.data();
    task.num_ids = task.end = task.num_tokens = kTokens;
    task.num_words = kWords;
    task.keep_below = keep_below.data();
    task.noise = noise.data();
    task.offsets = is_noise_contrastive ? offsets.data() : nullptr;
    task.keeps_center = task.learn_normalizer = is_noise_contrastive;
    task.input = input.data();
    task.output = output.data();
    task.window = 5;
    task.dynamic_window = true;
    task.negatives = negatives;
    task.block_size = 200;
    task.block_negatives = 40;
    task.learning_rate = 0.01;
    task.epochs = 1;
    task.max_warps = 1;
    task.shared_words = 3;
    task.counters = &counters;
  }

  float* give_workspace(size_t bytes) {
    workspace.resize(bytes / sizeof(Float4) + 1);
    task.workspace = workspace.data();
    return &workspace[0].x;
  }
};

Fibers fibers;

template <int kBlocks, bool kIsCbow>
void train_words(Problem problem, Sharing sharing) {
  problem.task.sharing = sharing;
  auto storage = std::make_unique<WarpStorage>();
  const auto floats = static_cast<size_t>(warp_floats(problem.task, kIsCbow));
  float* const rows = problem.give_workspace(floats * sizeof(float));
  fibers.run(kWarpSize, [&](int lane) {
    RaceWarp<false> warp(fibers, lane);
    WarpTrainer<RaceWarp<false>, kBlocks, kIsCbow>(warp, problem.task, *storage, rows, 1).run();
  });
}

void run_block(Problem& problem, int num_warps) {
  problem.task.sharing = Sharing::kBlock;
  auto shared = std::make_unique<BlockShared>();
  const auto floats = static_cast<size_t>(BlockShape(problem.task).floats(num_warps));
  float* const rows = problem.give_workspace(floats * sizeof(float));
  fibers.run(num_warps * kWarpSize, [&](int number) {
    RaceBlock block(fibers, number, num_warps);
    BlockTrainer<RaceBlock>(block, problem.task, *shared, rows, 1).run();
  });
}

bool are_near(double one, double other) { return std::fabs(one - other) < 1e-5; }

// Several warps share a block's work: together they train what one of them would.
void train_blocks(int dim, int negatives, bool is_noise_contrastive) {
  Problem several(dim, negatives, is_noise_contrastive);
  Problem single(dim, negatives, is_noise_contrastive);
  run_block(several, kMaxWarps);
  run_block(single, 1);
  bool is_same = are_near(several.counters.loss / single.counters.loss, 1) &&
                 are_near(several.counters.log_normalizer, single.counters.log_normalizer) &&
                 several.counters.pairs == single.counters.pairs &&
                 several.counters.measured_pairs == single.counters.measured_pairs &&
                 several.counters.centers == single.counters.centers &&
                 several.counters.tokens == single.counters.tokens;
  bool has_moved = false;
  for (size_t i = 0; i < single.input.size(); ++i) {
    is_same = is_same && are_near(several.input[i], single.input[i]) &&
              are_near(several.output[i], single.output[i]);
    has_moved = has_moved || !are_near(single.output[i], 0.01);
  }
  if (is_same && has_moved) return;
  std::fprintf(stderr, "two warps of a block do not train what one does\n");
  std::exit(3);
}

// The steps of a batch; its sums and counters give nothing from lane to lane.
template <bool kIsCbow>
void find_gains(Problem problem) {
  auto storage = std::make_unique<BatchStepStorage>();
  problem.give_workspace(BatchLayout(problem.task, kIsCbow, 1, 0).bytes);
  const BatchLayout layout(problem.task, kIsCbow, 1, 0);
  for (Index position = 0; position < 12; ++position) {
    fibers.run(kWarpSize, [&](int lane) {
      RaceWarp<false> warp(fibers, lane);
      BatchStep<RaceWarp<false>, kIsCbow>(warp, problem.task, *storage, layout.batch, 0)
          .run(position);
    });
  }
}

bool run_kernels(const std::string& name) {
  if (name == "words") {
    train_words<1, true>(Problem(20, 5, false), Sharing::kWindow);
    train_words<1, false>(Problem(20, 5, false), Sharing::kPair);
    train_words<2, false>(Problem(132, 13, true), Sharing::kWindow);
    train_words<0, true>(Problem(20, 13, true), Sharing::kWindow);
  } else if (name == "blocks") {
    train_blocks(40, 5, false);
    train_blocks(20, 5, true);
  } else if (name == "batches") {
    find_gains<false>(Problem(20, 13, true));
    find_gains<true>(Problem(20, 5, false));
  } else {
    return false;
  }
  return true;
}

}  // namespace
}  // namespace embkit::cuda

int main(int argc, char** argv) {
  using embkit::cuda::sites;
  if (argc > 2) sites.skipped = argv[2];
  if (argc < 2 || !embkit::cuda::run_kernels(argv[1])) return 2;
  for (int i = 0; i < sites.count; ++i) std::printf("%s:%d\n", sites.files[i], sites.lines[i]);
  return 0;
}
