#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace embkit {

constexpr size_t kMaxToken = size_t{1} << 20;  // bytes; a longer token is an error
constexpr const char* kTokenTooLong = "a token must be at most 1 MiB (1048576 bytes), got more";

// A piece of input that ends between two tokens, and where it stood.
class Block {
 public:
  // What the bytes are: running text, or records of a 32-bit size and that many bytes, where
  // the size kSentenceEnd ends a sentence.
  enum class Form { kText, kRecords };
  static constexpr uint32_t kSentenceEnd = 0xFFFFFFFFu;

  // Writable bytes that follow the block's own.
  static constexpr size_t kAfter = 96;

  // Room for `size` bytes, a byte before them and kAfter after; keeps what is there.
  void reserve(size_t size) {
    if (buffer_.size() < size + kAround) buffer_.resize(size + kAround);
  }
  char* data() { return buffer_.data() + kBefore; }
  std::string_view bytes() const { return {buffer_.data() + kBefore, size}; }

  size_t size = 0;
  Form form = Form::kText;
  std::shared_ptr<const std::string> source;  // name
  int64_t offset = 0;                         // of the first byte in its source
  int64_t line = 1;                           // of the first byte, from 1
  bool ends_source = false;

 private:
  static constexpr size_t kBefore = 8, kAround = kBefore + kAfter;
  std::vector<char> buffer_ = std::vector<char>(kAround);
};

// One input: its name for messages, and how to read on; `read` gives 0 at the end, and may
// give 0 early once `stop` is true.
struct TextSource {
  std::string name;
  std::function<size_t(char* buffer, size_t size, const std::atomic<bool>& stop)> read;
};

// Cuts the sources, one after the other, into text blocks of about `block_bytes`. A byte-order
// mark of UTF-8 is stripped; one of UTF-16 or UTF-32 throws FormatError. Memory: what is left
// of one block. Not thread-safe.
class TextReader {
 public:
  // `next_source` sets its argument and returns true, or returns false after the last one.
  TextReader(std::function<bool(TextSource&)> next_source, size_t block_bytes)
      : next_source_(std::move(next_source)), block_bytes_(block_bytes) {}

  // Fills `block`, or returns false at the end. A block is larger than block_bytes where a
  // token is; where its last token is longer than kMaxToken it may end within it.
  bool next(Block& block, const std::atomic<bool>& stop);

  int64_t bytes_read() const { return bytes_read_; }  // from any thread

 private:
  bool open_next(const std::atomic<bool>& stop);
  size_t read(char* buffer, size_t size, const std::atomic<bool>& stop);

  std::function<bool(TextSource&)> next_source_;
  size_t block_bytes_;
  TextSource source_;
  std::shared_ptr<const std::string> name_;  // null between sources
  std::vector<char> carry_;                  // what followed the last block's last separator
  char previous_ = '\n';                     // the byte before carry_
  int64_t offset_ = 0;
  int64_t line_ = 1;
  std::atomic<int64_t> bytes_read_{0};
};

}  // namespace embkit
