#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/errors.h"

namespace embkit {

// Bytes that are read once, front to back: a file, a pipe, a decompressor.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads up to `capacity` bytes, waiting for at least one; returns 0 only at the end. May
  // throw anything. Called by one thread at a time, without the GIL.
  virtual size_t read(char* out, size_t capacity) = 0;
};

// Buffers a source and knows where it stands. Errors are FormatErrors at that byte. Does not
// own the source, which must outlive it.
class ByteReader {
 public:
  static constexpr int64_t kUnknownSize = -1;
  static constexpr size_t kCapacity = size_t{1} << 20;

  // `size` is the length of the whole source where it is known, as for a plain file; at most
  // `capacity` bytes are buffered.
  ByteReader(ByteSource& source, std::string path, int64_t size, size_t capacity = kCapacity)
      : source_(source),
        path_(std::move(path)),
        size_(size),
        buffer_(capacity_for(size, capacity)) {}

  const std::string& path() const { return path_; }
  uint64_t position() const { return base_ + begin_; }
  bool knows_size() const { return size_ != kUnknownSize; }

  // Bytes between here and the end; only if knows_size().
  uint64_t remaining() const {
    const auto size = static_cast<uint64_t>(size_);
    return size > position() ? size - position() : 0;
  }

  bool at_end() { return begin_ == end_ && !fill(); }

  // The next byte, which must exist (ask at_end() first).
  unsigned char peek() { return static_cast<unsigned char>(buffer_[begin_]); }
  void skip() { ++begin_; }

  // Copies up to `count` bytes; returns fewer only at the end.
  size_t read_some(void* out, size_t count) {
    char* to = static_cast<char*>(out);
    size_t done = 0;
    while (done < count) {
      if (begin_ == end_ && count >= std::min(buffer_.size(), kWorthACall)) {
        base_ += end_;
        begin_ = 0;
        end_ = 0;
        const size_t got = source_.read(to + done, count - done);  // past the buffer
        if (got == 0) break;
        base_ += got;
        done += got;
        continue;
      }
      if (at_end()) break;
      const size_t step = std::min(count - done, end_ - begin_);
      std::memcpy(to + done, buffer_.data() + begin_, step);
      begin_ += step;
      done += step;
    }
    return done;
  }

  // Copies exactly `count` bytes, or throws FormatError "the file ends inside <what>".
  void read(void* out, size_t count, const char* what) {
    if (read_some(out, count) < count) fail("the file ends inside " + std::string(what));
  }

  template <typename T>
  T read_value(const char* what) {
    T value;
    read(&value, sizeof(T), what);
    return value;
  }

  enum class Found { kDelimiter, kEnd, kTooLong };

  // Appends bytes to `out` up to `delimiter`, which is consumed and not kept; stops after
  // `limit` bytes.
  Found read_until(char delimiter, size_t limit, std::vector<char>& out) {
    const size_t start = out.size();
    while (!at_end()) {
      const char* from = buffer_.data() + begin_;
      const size_t room = std::min(end_ - begin_, limit + 1 - (out.size() - start));
      const void* hit = std::memchr(from, delimiter, room);
      const size_t taken =
          hit ? static_cast<size_t>(static_cast<const char*>(hit) - from) : room;
      out.insert(out.end(), from, from + taken);
      begin_ += taken + (hit ? 1 : 0);
      if (hit) return Found::kDelimiter;
      if (out.size() - start > limit) return Found::kTooLong;
    }
    return Found::kEnd;
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw FormatError(path_, 0, static_cast<int64_t>(position()), reason);
  }

 private:
  // A small file is not worth a megabyte to clear; one byte more finds its end at once.
  static size_t capacity_for(int64_t size, size_t capacity) {
    if (size == kUnknownSize) return capacity;
    return static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(size) + 1, capacity));
  }

  static constexpr size_t kWorthACall = size_t{1} << 16;  // bytes, rather than copied twice

  bool fill() {
    base_ += end_;
    begin_ = 0;
    end_ = 0;  // kept should read() throw
    end_ = source_.read(buffer_.data(), buffer_.size());
    return end_ > 0;
  }

  ByteSource& source_;
  std::string path_;
  int64_t size_;
  std::vector<char> buffer_;
  uint64_t base_ = 0;  // of buffer_[0] in the source
  size_t begin_ = 0;   // the unread part of the buffer
  size_t end_ = 0;
};

}  // namespace embkit
