#include "cuda/resident_text.h"

#include <algorithm>

#include "cuda/check.h"
#include "cuda/runtime.h"

namespace embkit::cuda {
namespace {

constexpr Index kLeastTokens = 1 << 16;     // of a segment of a text that does not fit
constexpr Index kBorders = 1 << 16;         // sentence offsets that go over at a time
constexpr size_t kSpare = size_t{1} << 26;  // bytes left to the driver and its launches

Index round_up(Index value, Index unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

ResidentText::ResidentText(const HostText& text, Index unit, Index most)
    : text_(text),
      unit_(unit),
      segment_tokens_(text.num_tokens),
      borders_(kBorders * sizeof(uint64_t)) {
  if (most > 0 && most < text.num_tokens) segment_tokens_ = round_up(most, unit);
  if (!allocate() && !shrink()) check(kOutOfMemory, "hold the text on the device");
}

// False where there is not enough memory.
bool ResidentText::allocate() {
  const bool is_whole = segment_tokens_ >= text_.num_tokens;
  const size_t bytes = static_cast<size_t>(capacity()) * sizeof(uint32_t);
  size_t free = 0, total = 0;
  check(runtime().memory_info(&free, &total), "ask for free memory");
  if (bytes * (is_whole ? 1 : 2) + kSpare > free) return false;
  try {
    for (Buffer& buffer : buffers_) {
      if (&buffer == buffers_ || !is_whole) buffer.ids = DeviceBuffer(bytes);
    }
  } catch (const CudaError& error) {
    if (error.status != kOutOfMemory) throw;
    for (Buffer& buffer : buffers_) buffer = Buffer();
    return false;
  }
  return true;
}

bool ResidentText::shrink() {
  const Index least = std::min(round_up(kLeastTokens, unit_), text_.num_tokens);
  while (segment_tokens_ > least) {
    for (Buffer& buffer : buffers_) buffer = Buffer();
    const Index parts = segment_tokens_ >= text_.num_tokens ? 4 : 2;  // two buffers from now on
    segment_tokens_ = std::max(round_up(segment_tokens_ / parts, unit_), least);
    if (allocate()) return true;
  }
  return false;
}

Index ResidentText::num_segments() const {
  return (text_.num_tokens + segment_tokens_ - 1) / segment_tokens_;
}

size_t ResidentText::bytes() const {
  const size_t buffers = num_segments() > 1 ? 2 : 1;
  return buffers * static_cast<size_t>(capacity()) * sizeof(uint32_t);
}

Index ResidentText::capacity() const {
  return std::min(segment_tokens_ + 2 * kMargin, text_.num_tokens);
}

Index ResidentText::begin_of(Index segment) const {
  return std::max(segment * segment_tokens_ - kMargin, Index{0});
}

Index ResidentText::end_of(Index segment) const {
  return std::min((segment + 1) * segment_tokens_ + kMargin, text_.num_tokens);
}

void ResidentText::load_into(Buffer& buffer, Index segment, Index most) {
  if (buffer.number != segment) buffer.num_ids = 0;
  buffer.number = segment;
  const Index begin = begin_of(segment) + buffer.num_ids;
  const Index count = std::min(most, end_of(segment) - begin);
  if (count <= 0) return;
  auto* const ids = buffer.ids.as<uint32_t>() + buffer.num_ids;
  check(runtime().copy(ids, text_.ids + begin, static_cast<size_t>(count) * sizeof(uint32_t),
                       CopyKind::kToDevice, stream_),
        "copy the text to the device");
  const uint64_t* const offsets = text_.sentence_offsets;
  const uint64_t* const last = offsets + text_.num_sentences;  // where the text ends
  const auto* next = std::lower_bound(offsets, last, static_cast<uint64_t>(begin));
  const auto* const stop = std::lower_bound(next, last, static_cast<uint64_t>(begin + count));
  while (next < stop) {
    const Index some = std::min<Index>(stop - next, kBorders);
    check(runtime().copy(borders_.as<uint64_t>(), next,
                         static_cast<size_t>(some) * sizeof(uint64_t), CopyKind::kToDevice,
                         stream_),
          "copy the sentences to the device");
    check(runtime().mark_sentences(ids, begin, count, borders_.as<uint64_t>(), some, stream_),
          "mark the sentences");
    next += some;
  }
  buffer.num_ids += count;
}

bool ResidentText::load(Index position, Index most) {
  const Index segment = position / segment_tokens_;
  if (buffers_[1 - current_].number == segment) current_ = 1 - current_;
  Buffer& buffer = buffers_[current_];
  load_into(buffer, segment, most);
  stream_.wait("load the text");
  return buffer.num_ids == end_of(segment) - begin_of(segment);
}

void ResidentText::load_next(Index most) {
  const Index next = (buffers_[current_].number + 1) % num_segments();
  if (num_segments() > 1) load_into(buffers_[1 - current_], next, most);
}

ResidentText::Segment ResidentText::current() const {
  const Buffer& buffer = buffers_[current_];
  return {buffer.ids.as<uint32_t>(), begin_of(buffer.number), buffer.num_ids,
          std::min((buffer.number + 1) * segment_tokens_, text_.num_tokens)};
}

}  // namespace embkit::cuda
