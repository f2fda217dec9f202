#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "io/byte_source.h"

namespace embkit {

// Hands out the file as batches of whole lines.
class LineBatches {
 public:
  // Reads about `batch` bytes at a time; `reader` must outlive this.
  LineBatches(ByteReader& reader, size_t batch) : reader_(reader), batch_(batch) {
    if (reader.knows_size()) batch_ = std::min<uint64_t>(batch_, reader.remaining() + 1);
  }

  // The unread lines in memory, each with its newline; reads on if there is none. Empty at the
  // end. 8 bytes and more are readable behind them. Valid until the next call.
  std::string_view lines() {
    while (whole_ == begin_ && read_more()) continue;
    return {buffer_.data() + begin_, whole_ - begin_};
  }

  void consume(size_t bytes) { begin_ += bytes; }
  uint64_t offset() const { return base_ + begin_; }

  // At the end: the bytes behind the last newline.
  std::string_view rest() const { return {buffer_.data() + begin_, end_ - begin_}; }

  // Takes the rest as a whole line after all.
  void terminate() {
    buffer_[end_++] = '\n';
    whole_ = end_;
  }

 private:
  static constexpr size_t kMaxLine = size_t{64} << 20;
  static constexpr size_t kPadding = 16;

  bool read_more() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    base_ += begin_;
    whole_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
    if (end_ > kMaxLine + batch_) reader_.fail("a line is longer than 64 MiB");
    buffer_.resize(end_ + batch_ + kPadding);
    const size_t got = reader_.read_some(buffer_.data() + end_, batch_);
    for (size_t i = end_ + got; i > end_; --i) {
      if (buffer_[i - 1] == '\n') {
        whole_ = i;
        break;
      }
    }
    end_ += got;
    return got > 0;
  }

  ByteReader& reader_;
  size_t batch_;
  std::vector<char> buffer_ = std::vector<char>(kPadding);
  uint64_t base_ = 0;  // of buffer_[0] in the file
  size_t begin_ = 0;   // unread
  size_t whole_ = 0;   // behind the last newline
  size_t end_ = 0;
};

}  // namespace embkit
