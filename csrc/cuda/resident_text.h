#pragma once

#include <cstdint>

#include "core/types.h"
#include "cuda/device_buffer.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

// An encoded corpus on the host, owned by the caller.
struct HostText {
  const WordId* ids;  // [num_tokens]
  Index num_tokens;
  const uint64_t* sentence_offsets;  // [num_sentences + 1], rising from 0 to num_tokens
  Index num_sentences;
};

// The ids of a text on the device: all of them where they fit, otherwise segment after segment
// in two buffers, with what lies around each, so that windows at its borders are whole. Around
// means kMargin ids: only where more than that were thinned out in a row is a window cut.
class ResidentText {
 public:
  static constexpr Index kMargin = 4096;

  // Segments are multiples of `unit` tokens, at most `most` (0: no limit). Throws CudaError,
  // with status kOutOfMemory where not even the smallest segments fit.
  ResidentText(const HostText& text, Index unit, Index most);

  // Loads at most `most` ids of the segment that holds a position, and waits for them; true
  // once it is all there. The segment that was used before may be overwritten from now on.
  bool load(Index position, Index most);
  // Begins to load as many of the segment after that one, or of the first after the last.
  // Kernels at work on that one go on meanwhile.
  void load_next(Index most);

  struct Segment {
    const uint32_t* ids;
    Index ids_position;  // of ids[0]
    Index num_ids;
    Index end;  // of the positions to be trained from it
  };
  // The segment that load() was last asked for, when it is there.
  Segment current() const;

  // Makes segments smaller; false where they cannot be. Forgets what is loaded.
  bool shrink();

  Index segment_tokens() const { return segment_tokens_; }
  Index num_segments() const;
  size_t bytes() const;

 private:
  struct Buffer {
    DeviceBuffer ids;
    Index number = -1;  // of the segment in it
    Index num_ids = 0;  // of it that are there, or on their way
  };
  bool allocate();
  Index capacity() const;
  Index begin_of(Index segment) const;
  Index end_of(Index segment) const;
  void load_into(Buffer& buffer, Index segment, Index most);

  HostText text_;
  Index unit_;
  Index segment_tokens_;
  OwnedStream stream_;
  DeviceBuffer borders_;  // sentence offsets on their way into the ids
  Buffer buffers_[2];
  int current_ = 0;  // the buffer that load() was last about
};

}  // namespace embkit::cuda
