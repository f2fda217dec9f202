#include "text/block_reader.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/errors.h"
#include "text/separators.h"

namespace embkit {
namespace {

// The place after the last separator in [from, to), or 0.
size_t cut_after_separator(const char* data, size_t from, size_t to) {
  while (to > from && !is_separator(data[to - 1])) --to;
  return to > from ? to : 0;
}

// Counts newlines in byte-wide lanes, emptied before they can overflow: this runs while every
// other worker waits, and the compiler turns the lanes into vector registers.
int64_t count_lines(std::string_view text) {
  constexpr size_t kLanes = 64, kMostRounds = 255;
  const char* p = text.data();
  size_t left = text.size();
  int64_t lines = 0;
  while (left >= kLanes) {
    uint8_t lanes[kLanes] = {};
    const size_t rounds = std::min(left / kLanes, kMostRounds);
    for (size_t round = 0; round < rounds; ++round, p += kLanes) {
      for (size_t i = 0; i < kLanes; ++i) {
        lanes[i] = static_cast<uint8_t>(lanes[i] + (p[i] == '\n'));
      }
    }
    lines += std::accumulate(lanes, lanes + kLanes, int64_t{0});
    left -= rounds * kLanes;
  }
  return lines + std::count(p, p + left, '\n');
}

bool starts_with(const std::vector<char>& bytes, std::string_view prefix) {
  return std::string_view(bytes.data(), bytes.size()).substr(0, prefix.size()) == prefix;
}

}  // namespace

size_t TextReader::read(char* buffer, size_t size, const std::atomic<bool>& stop) {
  const size_t count = source_.read(buffer, size, stop);
  bytes_read_ += static_cast<int64_t>(count);
  return count;
}

bool TextReader::open_next(const std::atomic<bool>& stop) {
  if (!next_source_(source_)) return false;
  name_ = std::make_shared<const std::string>(source_.name);
  offset_ = 0;
  line_ = 1;
  previous_ = '\n';
  carry_.resize(4);
  size_t size = 0;
  while (size < carry_.size()) {
    const size_t count = read(carry_.data() + size, carry_.size() - size, stop);
    if (count == 0) break;
    size += count;
  }
  carry_.resize(size);
  for (const std::string_view mark :
       {std::string_view("\xFF\xFE", 2), std::string_view("\xFE\xFF", 2),
        std::string_view("\0\0\xFE\xFF", 4)}) {
    if (!starts_with(carry_, mark)) continue;
    const bool wide =
        mark.size() == 4 || starts_with(carry_, std::string_view("\xFF\xFE\0\0", 4));
    throw FormatError(*name_, 1, 0,
                      std::string("this looks like ") + (wide ? "UTF-32" : "UTF-16") +
                          "; text must be UTF-8");
  }
  if (starts_with(carry_, "\xEF\xBB\xBF")) {
    carry_.erase(carry_.begin(), carry_.begin() + 3);
    offset_ = 3;
  }
  return true;
}

bool TextReader::next(Block& block, const std::atomic<bool>& stop) {
  if (name_ == nullptr && !open_next(stop)) return false;
  size_t size = carry_.size();
  size_t target = std::max(block_bytes_, size + 1);
  block.reserve(target);
  block.data()[-1] = previous_;
  std::memcpy(block.data(), carry_.data(), size);

  size_t searched = 0, cut = 0;
  for (block.ends_source = false; cut == 0;) {
    while (size < target && !block.ends_source) {
      const size_t count = read(block.data() + size, target - size, stop);
      block.ends_source = count == 0;
      size += count;
    }
    cut = block.ends_source ? size : cut_after_separator(block.data(), searched, size);
    if (block.ends_source) break;
    if (cut == 0 && size > kMaxToken + 8) cut = size;  // a token too long: for the tokeniser
    searched = size;
    target = std::min(2 * target, std::max(target, kMaxToken) + 16);
    if (cut == 0) block.reserve(target);
  }

  carry_.assign(block.data() + cut, block.data() + size);
  block.size = cut;
  block.source = name_;
  block.offset = offset_;
  block.line = line_;
  offset_ += static_cast<int64_t>(cut);
  line_ += count_lines(block.bytes());
  if (cut > 0) previous_ = block.data()[cut - 1];
  if (block.ends_source) name_ = nullptr;
  return true;
}

}  // namespace embkit
