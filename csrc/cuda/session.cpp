#include "cuda/session.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "core/errors.h"
#include "cuda/check.h"
#include "cuda/runtime.h"
#include "cuda/warp_trainer.h"

namespace embkit::cuda {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSliceSeconds = 0.25;  // of a launch, so that reports and Ctrl-C are prompt
constexpr int kMostWarps = 1024;        // tried where the workspace of more does not fit
constexpr Index kFastest = 16;          // times a slice may be longer than the one before
constexpr Index kAhead = 8;             // times a slice's tokens are loaded at a time

template <typename T>
void copy_to_device(const DeviceBuffer& to, const std::vector<T>& from, Stream stream) {
  if (from.empty()) return;
  check(runtime().copy(to.as<void>(), from.data(), from.size() * sizeof(T), CopyKind::kToDevice,
                       stream),
        "copy the words' tables to the device");
}

std::string mebibytes(size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f MiB", static_cast<double>(bytes) / 0x1p20);
  return text;
}

}  // namespace

Session::Session(int device, const SessionOptions& options, const HostText& text,
                 const WordTables& words, const HostRows& rows)
    : device_(use_device(device)),
      number_(device),
      options_(options),
      unit_(options.batch_tokens > 0 ? options.batch_tokens : kRateGrid),
      slice_(unit_ * std::max(device_.multiprocessors, 1)) {
  options_.task.num_tokens = text.num_tokens;
  options_.task.stride = row_stride(options.task.dim);
  try {
    allocate(words);
    text_ = std::make_unique<ResidentText>(text, unit_, options.most_resident);
    restore(rows, Progress{});
  } catch (const CudaError& error) {
    if (error.status == kOutOfMemory) refuse_memory();
    throw;
  }
}

void Session::allocate(const WordTables& words) {
  TrainTask& task = options_.task;
  const size_t matrix = static_cast<size_t>(task.num_words) * static_cast<size_t>(task.stride);
  input_ = DeviceBuffer(matrix * sizeof(float));
  output_ = DeviceBuffer(matrix * sizeof(float));
  keep_below_ = DeviceBuffer(words.keep_below.size() * sizeof(uint32_t));
  noise_ = DeviceBuffer(words.noise.size() * sizeof(AliasSlot));
  offsets_ = DeviceBuffer(words.offsets.size() * sizeof(float));
  counters_ = DeviceBuffer(sizeof(Counters));
  allocate_workspace();
  copy_to_device(keep_below_, words.keep_below, stream_);
  copy_to_device(noise_, words.noise, stream_);
  copy_to_device(offsets_, words.offsets, stream_);
  task.keep_below = keep_below_.as<uint32_t>();
  task.noise = noise_.as<AliasSlot>();
  task.offsets = offsets_.as<float>();
  task.input = input_.as<float>();
  task.output = output_.as<float>();
  task.counters = counters_.as<Counters>();
  stream_.wait("copy the words' tables to the device");
}

// Fewer warps at a time need less of it; the deterministic mode's result would change.
void Session::allocate_workspace() {
  TrainTask& task = options_.task;
  const Runtime& calls = runtime();
  const bool is_deterministic = options_.batch_tokens > 0;
  for (;;) {
    const size_t bytes = is_deterministic ? calls.deterministic_workspace_bytes(
                                                task, options_.is_cbow, options_.batch_tokens)
                                          : calls.workspace_bytes(task, options_.is_cbow);
    try {
      workspace_ = DeviceBuffer(bytes);
      task.workspace = workspace_.as<void>();
      return;
    } catch (const CudaError& error) {
      if (error.status != kOutOfMemory || is_deterministic || task.max_warps == 1) throw;
      task.max_warps = task.max_warps == 0 ? kMostWarps : task.max_warps / 2;
    }
  }
}

size_t Session::model_bytes() const {
  return 2 * static_cast<size_t>(options_.task.num_words) *
         static_cast<size_t>(options_.task.stride) * sizeof(float);
}

void Session::refuse_memory() const {
  size_t free = 0, total = 0;
  runtime().last_error();
  runtime().memory_info(&free, &total);
  throw ResourceError(
      "cuda:" + std::to_string(number_) + " (" + device_.name +
      ") has too little memory: " + mebibytes(free) + " of " + mebibytes(total) +
      " are free, two matrices of " + std::to_string(options_.task.num_words) + " x " +
      std::to_string(options_.task.dim) + " need " + mebibytes(model_bytes()) +
      ", the text and the words' tables more: lower dim or max_vocab, raise min_count, or use "
      "device cpu");
}

bool Session::train_slice() {
  if (is_done()) return false;
  try {
    use();
    for (;;) {
      // A long text goes over piece by piece, so that reports and Ctrl-C are prompt meanwhile.
      if (!text_->load(position_, kAhead * slice_)) return true;
      const TrainTask task = next_task();
      const Clock::time_point began = Clock::now();
      const Status status = launch(task);
      if (status == kOutOfMemory && text_->shrink()) {
        runtime().last_error();
        continue;
      }
      check(status, "launch the training");
      text_->load_next(kAhead * slice_);  // meanwhile
      stream_.wait("train");
      finish_slice(task, std::chrono::duration<double>(Clock::now() - began).count());
      return true;
    }
  } catch (const CudaError& error) {
    if (error.status == kOutOfMemory) refuse_memory();
    throw;
  }
}

TrainTask Session::next_task() {
  TrainTask task = options_.task;
  const ResidentText::Segment segment = text_->current();
  task.ids = segment.ids;
  task.ids_position = segment.ids_position;
  task.num_ids = segment.num_ids;
  task.epoch = epoch_;
  task.begin = position_;
  task.end = std::min(position_ + slice_, segment.end);
  return task;
}

Status Session::launch(const TrainTask& task) {
  const Runtime& calls = runtime();
  if (options_.batch_tokens > 0) {
    return calls.train_deterministic(task, options_.is_cbow, options_.batch_tokens, stream_);
  }
  return calls.train(task, options_.is_cbow, stream_);
}

void Session::finish_slice(const TrainTask& task, double seconds) {
  check(runtime().copy(&now_, counters_.as<void>(), sizeof now_, CopyKind::kToHost, stream_),
        "read the counters");
  stream_.wait("read the counters");
  if (!std::isfinite(now_.loss)) throw DivergenceError("a logit is not finite");
  position_ = task.end;
  if (position_ == task.num_tokens) {
    position_ = 0;
    if (++epoch_ == task.epochs - 1) last_epoch_begin_ = progress();
  }
  const double done = static_cast<double>(task.end - task.begin);
  const double wanted = std::min(done * kSliceSeconds / std::max(seconds, 1e-6),
                                 static_cast<double>(slice_ * kFastest));
  slice_ = std::max(static_cast<Index>(wanted) / unit_ * unit_, unit_);
}

Session::Progress Session::progress() const {
  TrainTask task = options_.task;
  task.epoch = epoch_;
  const auto pairs = static_cast<int64_t>(now_.measured_pairs);
  const bool is_last = epoch_ >= task.epochs - 1;
  return {epoch_ * task.num_tokens + position_,
          now_.loss,
          pairs,
          static_cast<double>(learning_rate(task, position_)),
          is_last ? now_.loss - last_epoch_begin_.loss : 0,
          is_last ? pairs - last_epoch_begin_.num_pairs : 0,
          now_.log_normalizer};
}

// The thread's device is what its last caller has made it.
void Session::use() const { check(runtime().set_device(number_), "use the device"); }

void Session::download(const HostRows& rows) const {
  use();
  const TrainTask& task = options_.task;
  const size_t words = task.num_words,
               row_bytes = static_cast<size_t>(task.dim) * sizeof(float);
  const auto read = [&](float* to, const DeviceBuffer& from) {
    check(runtime().copy_rows(to, static_cast<size_t>(rows.stride) * sizeof(float),
                              from.as<void>(), static_cast<size_t>(task.stride) * sizeof(float),
                              row_bytes, words, CopyKind::kToHost, stream_),
          "copy the vectors from the device");
  };
  read(rows.input, input_);
  read(rows.output, output_);
  stream_.wait("copy the vectors from the device");
}

void Session::upload(const HostRows& rows) {
  const TrainTask& task = options_.task;
  const size_t words = task.num_words,
               row_bytes = static_cast<size_t>(task.dim) * sizeof(float);
  const size_t stride = static_cast<size_t>(task.stride) * sizeof(float);
  const auto write = [&](const DeviceBuffer& to, const float* from) {
    check(runtime().clear(to.as<void>(), words * stride, stream_), "clear the vectors");
    check(runtime().copy_rows(to.as<void>(), stride, from,
                              static_cast<size_t>(rows.stride) * sizeof(float), row_bytes,
                              words, CopyKind::kToDevice, stream_),
          "copy the vectors to the device");
  };
  write(input_, rows.input);
  write(output_, rows.output);
}

void Session::restore(const HostRows& rows, const Progress& progress) {
  const TrainTask& task = options_.task;
  if (progress.tokens < 0 || progress.tokens > task.epochs * task.num_tokens) {
    throw std::invalid_argument("tokens must be from 0 to " +
                                std::to_string(task.epochs * task.num_tokens) + ", got " +
                                std::to_string(progress.tokens));
  }
  use();
  upload(rows);
  now_ = Counters{};
  now_.loss = progress.loss;
  now_.measured_pairs = static_cast<uint64_t>(progress.num_pairs);
  now_.log_normalizer = progress.log_normalizer;
  last_epoch_begin_.loss = progress.loss - progress.last_loss;
  last_epoch_begin_.num_pairs = progress.num_pairs - progress.last_pairs;
  epoch_ = progress.tokens / task.num_tokens;
  position_ = progress.tokens % task.num_tokens;
  check(runtime().copy(counters_.as<void>(), &now_, sizeof now_, CopyKind::kToDevice, stream_),
        "set the counters");
  stream_.wait("set the counters");
}

}  // namespace embkit::cuda
