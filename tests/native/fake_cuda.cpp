// A fake of CUDA's runtime, for tests: device memory is the host's, kernels are emulated, and
// any call can be made to fail. It is steered through the functions at its end.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "cuda/check.h"
#include "cuda/runtime.h"

namespace embkit::cuda {
namespace {

constexpr Status kInvalidValue = 1;
constexpr Status kInvalidHandle = 400;

struct Fake {
  std::map<std::string, int> calls;
  std::map<char*, size_t> memory;  // what is allocated
  std::map<Stream, int> streams;   // and the device of each
  int device = 0;                  // that the thread is at
  size_t total_bytes = size_t{1} << 30;
  size_t most_bytes = 0;         // allocated at a time
  int shared_bytes = 227 << 10;  // that a block of threads may have
  int num_devices = 2;
  int driver = 13000;
  int max_warps = 0;       // of the last launch
  Index batch_tokens = 0;  // of the last one of the deterministic mode
  std::string failing;     // the function whose call number `failing_call` fails
  int failing_call = 0;
  Status failing_status = 0;
  Status sticky = 0;  // what every call returns from now on
  Status last = 0;
};

Fake& fake() {
  static Fake state;
  return state;
}

// Counts a call, and returns the status that it is to fail with, if any.
Status begin(const char* function) {
  Fake& state = fake();
  const int call = ++state.calls[function];
  if (state.sticky != 0) return state.sticky;
  if (state.failing != function || state.failing_call != call) return 0;
  if (is_sticky(state.failing_status)) state.sticky = state.failing_status;
  return state.last = state.failing_status;
}

size_t used() {
  size_t sum = 0;
  for (const auto& [address, bytes] : fake().memory) sum += bytes;
  return sum;
}

// Whether [address, address + bytes) lies in one piece of device memory.
bool is_device(const void* address, size_t bytes) {
  auto* const first = const_cast<char*>(static_cast<const char*>(address));
  auto after = fake().memory.upper_bound(first);
  if (after == fake().memory.begin()) return false;
  --after;
  return first + bytes <= after->first + after->second;
}

Status driver_version(int* version) {
  if (const Status status = begin("driver_version")) return status;
  *version = fake().driver;
  return 0;
}

Status runtime_version(int* version) {
  if (const Status status = begin("runtime_version")) return status;
  *version = 13000;
  return 0;
}

Status device_count(int* count) {
  if (const Status status = begin("device_count")) return status;
  const Fake& state = fake();
  if (state.driver < 13000) return kOldDriver;  // as CUDA's does without a driver, too
  if (state.num_devices == 0) return kNoDevice;
  *count = state.num_devices;
  return 0;
}

Status set_device(int device) {
  if (const Status status = begin("set_device")) return status;
  fake().device = device;
  return 0;
}

Status device_properties(DeviceProperties* properties, int) {
  if (const Status status = begin("device_properties")) return status;
  std::strcpy(properties->name, "Emulated GPU");
  properties->major = 9;
  properties->multiprocessors = 1;
  properties->memory_bytes = fake().total_bytes;
  properties->shared_bytes_per_block = static_cast<size_t>(fake().shared_bytes);
  return 0;
}

Status memory_info(size_t* free_bytes, size_t* total_bytes) {
  if (const Status status = begin("memory_info")) return status;
  *total_bytes = fake().total_bytes;
  *free_bytes = *total_bytes - std::min(used(), *total_bytes);
  return 0;
}

Status allocate(void** address, size_t bytes) {
  if (const Status status = begin("allocate")) return status;
  Fake& state = fake();
  if (used() + bytes > state.total_bytes) return state.last = kOutOfMemory;
  auto* const piece = static_cast<char*>(std::malloc(bytes));
  std::memset(piece, 0x7f, bytes);  // so that what is read before it is written shows
  state.memory[piece] = bytes;
  state.most_bytes = std::max(state.most_bytes, used());
  *address = piece;
  return 0;
}

Status release(void* address) {
  const Status status = begin("release");
  auto* const piece = static_cast<char*>(address);
  if (fake().memory.erase(piece) == 0) std::abort();  // freed twice, or never allocated
  std::free(piece);
  return status;
}

Status copy_rows(void* to, size_t to_stride, const void* from, size_t from_stride,
                 size_t row_bytes, size_t num_rows, CopyKind kind, Stream) {
  if (const Status status = begin("copy_rows")) return status;
  const bool is_up = kind == CopyKind::kToDevice;
  const size_t span = (num_rows - 1) * (is_up ? to_stride : from_stride) + row_bytes;
  if (!is_device(is_up ? to : from, span)) return kInvalidValue;
  for (size_t row = 0; row < num_rows; ++row) {
    std::memcpy(static_cast<char*>(to) + row * to_stride,
                static_cast<const char*>(from) + row * from_stride, row_bytes);
  }
  return 0;
}

Status copy(void* to, const void* from, size_t bytes, CopyKind kind, Stream) {
  if (const Status status = begin("copy")) return status;
  if (!is_device(kind == CopyKind::kToDevice ? to : from, bytes)) return kInvalidValue;
  std::memcpy(to, from, bytes);
  return 0;
}

Status clear(void* address, size_t bytes, Stream) {
  if (const Status status = begin("clear")) return status;
  if (!is_device(address, bytes)) return kInvalidValue;
  std::memset(address, 0, bytes);
  return 0;
}

Status create_stream(Stream* stream) {
  if (const Status status = begin("create_stream")) return status;
  *stream = reinterpret_cast<Stream>(std::malloc(1));
  fake().streams[*stream] = fake().device;
  return 0;
}

Status wait(Stream) { return begin("wait"); }

Status destroy_stream(Stream stream) {
  if (fake().streams.erase(stream) == 0) std::abort();  // destroyed twice
  std::free(stream);
  return begin("destroy_stream");
}

Status last_error() {
  Fake& state = fake();
  return state.sticky != 0 ? state.sticky : std::exchange(state.last, 0);
}

const char* describe(Status status) {
  switch (status) {
    case kOutOfMemory:
      return "out of memory";
    case 700:
      return "an illegal memory access was encountered";
    default:
      return "an error of the fake";
  }
}

Status find() {
  if (const Status status = begin("find_kernels")) return status;
  return find_kernels();
}

// Kernels run on streams of the device that the thread is at alone.
bool is_here(Stream stream) { return fake().streams.at(stream) == fake().device; }

Status mark(uint32_t* ids, Index ids_position, Index num_ids, const uint64_t* sentence_offsets,
            Index num_offsets, Stream stream) {
  if (const Status status = begin("mark_sentences")) return status;
  if (!is_here(stream)) return kInvalidHandle;
  if (!is_device(ids, static_cast<size_t>(num_ids) * sizeof(uint32_t))) return 700;
  return mark_sentences(ids, ids_position, num_ids, sentence_offsets, num_offsets, stream);
}

bool is_on_device(const TrainTask& task) {
  return is_device(task.ids, static_cast<size_t>(task.num_ids) * sizeof(uint32_t)) &&
         is_device(task.counters, sizeof(Counters));
}

Status train(const TrainTask& task, bool is_cbow, Stream stream) {
  if (const Status status = begin("train")) return status;
  if (!is_here(stream)) return kInvalidHandle;
  if (!is_on_device(task)) return 700;
  fake().max_warps = task.max_warps;
  TrainTask one = task;
  one.max_warps = 1;  // more are not there
  return is_cbow ? train_cbow(one, stream) : train_skipgram(one, stream);
}

Status train_in_order(const TrainTask& task, bool is_cbow, Index batch_tokens, Stream stream) {
  if (const Status status = begin("train_deterministic")) return status;
  if (!is_here(stream)) return kInvalidHandle;
  if (!is_on_device(task)) return 700;
  fake().batch_tokens = batch_tokens;
  return train_deterministic(task, is_cbow, batch_tokens, stream);
}

RowRates measure(Index, int, const uint32_t*, Index, int) {
  return {2e9, 1e9, begin("measure_rows")};
}

constexpr Runtime kFake = {
    &driver_version,
    &runtime_version,
    &device_count,
    &set_device,
    &device_properties,
    &memory_info,
    &allocate,
    &release,
    &copy,
    &copy_rows,
    &clear,
    &create_stream,
    &wait,
    &destroy_stream,
    &last_error,
    &describe,
    &find,
    &mark,
    &workspace_bytes,
    &train,
    &deterministic_workspace_bytes,
    &train_in_order,
    &measure,
};

}  // namespace

const Runtime& runtime() { return kFake; }

}  // namespace embkit::cuda

extern "C" {
#define EMBKIT_EXPORT __attribute__((visibility("default")))

EMBKIT_EXPORT void fake_reset() {
  auto& state = embkit::cuda::fake();
  state = embkit::cuda::Fake{};
}

// Call number `call` (from 1) of a function returns `status`; one that is sticky stays.
EMBKIT_EXPORT void fake_fail(const char* function, int call, int status) {
  auto& state = embkit::cuda::fake();
  state.failing = function;
  state.failing_call = call;
  state.failing_status = status;
}

EMBKIT_EXPORT void fake_set_memory(size_t bytes) { embkit::cuda::fake().total_bytes = bytes; }
EMBKIT_EXPORT void fake_set_shared(int bytes) { embkit::cuda::fake().shared_bytes = bytes; }
EMBKIT_EXPORT void fake_set_driver(int version) { embkit::cuda::fake().driver = version; }
EMBKIT_EXPORT void fake_set_devices(int count) { embkit::cuda::fake().num_devices = count; }
EMBKIT_EXPORT int fake_calls(const char* function) {
  return embkit::cuda::fake().calls[function];
}
// Pieces of memory and streams that were not given back.
EMBKIT_EXPORT int fake_left() {
  auto& state = embkit::cuda::fake();
  return static_cast<int>(state.memory.size() + state.streams.size());
}
EMBKIT_EXPORT int fake_max_warps() { return embkit::cuda::fake().max_warps; }
EMBKIT_EXPORT int fake_batch_tokens() {
  return static_cast<int>(embkit::cuda::fake().batch_tokens);
}
EMBKIT_EXPORT size_t fake_most_bytes() { return embkit::cuda::fake().most_bytes; }
}
