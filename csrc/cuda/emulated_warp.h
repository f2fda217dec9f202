#pragma once

#include <ucontext.h>

#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "core/shared_mean.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

// Runs 32 lanes in turn on the calling thread, each with a stack of its own, and changes lanes
// only where a warp meets: so a lane that reads what another has yet to write reads the old
// value, and a missing sync() shows in the result. Throws std::logic_error where lanes meet at
// different places, which on a device would hang or mix up their values.
class LaneScheduler {
 public:
  // The lanes' order: rising, or falling, so that both directions of a race are seen.
  explicit LaneScheduler(bool is_falling = false) : step_(is_falling ? kWarpSize - 1 : 1) {
    for (Lane& lane : lanes_) lane.stack.reset(new char[kStackBytes]);
  }

  void run(const std::function<void(int lane)>& body) {
    body_ = &body;
    num_running_ = kWarpSize;
    error_ = nullptr;
    newest_ = 0;
    for (Lane& lane : lanes_) {
      lane.has_started = false;
      lane.meetings = 0;
    }
    current_ = step_ == 1 ? 0 : kWarpSize - 1;
    if (_setjmp(home_) == 0) enter();
    if (error_ != nullptr) throw std::logic_error(error_);
  }

  // Lets every other lane come as far. `place` tells kinds of meetings apart.
  void meet(int place) {
    Lane& mine = lanes_[current_];
    if (++mine.meetings > newest_) {
      newest_ = mine.meetings;
      place_ = place;
    }
    if (num_running_ < kWarpSize) fail("a lane ended where others go on");
    if (place != place_) fail("lanes of a warp meet at different places");
    if (_setjmp(mine.state) == 0) next();
  }

  // Room for what lanes give each other at the present meeting; meetings take turns, so that a
  // lane may give again while others still read.
  uint64_t* exchange() { return exchange_[lanes_[current_].meetings % 2]; }

 private:
  static constexpr size_t kStackBytes = 128 << 10;

  struct Lane {
    std::unique_ptr<char[]> stack;
    ucontext_t context;
    jmp_buf state;
    bool has_started;
    uint64_t meetings;  // so far
  };

  static void start(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<LaneScheduler*>(uintptr_t{high} << 32 | low);
    (*self->body_)(self->current_);
    if (--self->num_running_ == 0) _longjmp(self->home_, 1);
    self->next();
  }

  [[noreturn]] void fail(const char* message) {
    error_ = message;
    _longjmp(home_, 1);
  }

  [[noreturn]] void next() {
    current_ = (current_ + step_) % kWarpSize;
    enter();
  }

  [[noreturn]] void enter() {
    Lane& lane = lanes_[current_];
    if (lane.has_started) _longjmp(lane.state, 1);
    lane.has_started = true;
    getcontext(&lane.context);
    lane.context.uc_stack.ss_sp = lane.stack.get();
    lane.context.uc_stack.ss_size = kStackBytes;
    lane.context.uc_link = nullptr;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&lane.context, reinterpret_cast<void (*)()>(start), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
    setcontext(&lane.context);
    throw std::logic_error("a lane cannot be started");
  }

  int step_;
  int current_ = 0;
  int num_running_ = 0;
  int place_ = 0;
  uint64_t newest_ = 0;
  const char* error_ = nullptr;
  const std::function<void(int)>* body_ = nullptr;
  jmp_buf home_;
  Lane lanes_[kWarpSize];
  uint64_t exchange_[2][kWarpSize];
};

// One lane's view of an emulated warp; see warp.h.
class EmulatedWarp {
 public:
  EmulatedWarp(LaneScheduler& lanes, int lane) : lanes_(lanes), lane_(lane) {}

  int lane() const { return lane_; }
  void sync() { lanes_.meet(kSync); }

  uint32_t ballot(bool flag) {
    uint64_t* const flags = give(uint64_t{flag}, kBallot);
    uint32_t bits = 0;
    for (int i = 0; i < kWarpSize; ++i) bits |= static_cast<uint32_t>(flags[i]) << i;
    return bits;
  }
  template <typename Value>
  Value shuffle(Value value, int source) {
    return take_from<Value>(give(value, kShuffle), source);
  }
  template <typename Value>
  Value shuffle_xor(Value value, int mask) {
    return take_from<Value>(give(value, kShuffle + mask), lane_ ^ mask);
  }

  Float4 load(const float* pointer) const { return *reinterpret_cast<const Float4*>(pointer); }
  // As late as may be, so that what is used too soon shows.
  void begin_copy(float* to, const float* from) { copies_.push_back({to, from}); }
  void end_copies() {
    for (const auto& [to, from] : copies_) std::memcpy(to, from, sizeof(Float4));
    copies_.clear();
  }
  void add(float* pointer, Float4 value, Updates) {
    auto& row = *reinterpret_cast<Float4*>(pointer);
    row = row + value;
  }
  uint64_t take(uint64_t* counter) { return (*counter)++; }
  void count(uint64_t* counter, uint64_t value) { *counter += value; }
  void count(double* counter, double value) { *counter += value; }
  double join(double* mean, double copy, double count) {
    return *mean = join_mean(*mean, copy, count);
  }
  double read(const double* counter) const { return *counter; }

 private:
  static constexpr int kSync = 0, kBallot = 1, kShuffle = 2;

  template <typename Value>
  uint64_t* give(Value value, int place) {
    static_assert(sizeof(Value) <= sizeof(uint64_t));
    uint64_t* const slots = lanes_.exchange();
    std::memcpy(slots + lane_, &value, sizeof value);
    lanes_.meet(place);
    return slots;
  }
  template <typename Value>
  static Value take_from(const uint64_t* slots, int source) {
    Value value;
    std::memcpy(&value, slots + source, sizeof value);
    return value;
  }

  LaneScheduler& lanes_;
  int lane_;
  std::vector<std::pair<float*, const float*>> copies_;
};

}  // namespace embkit::cuda
