#include "text/tokenizer.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/errors.h"
#include "text/separators.h"
#include "text/utf8.h"

namespace embkit {
namespace {

[[noreturn]] void throw_at(const Block& block, size_t place, const std::string& reason) {
  const std::string_view before = block.bytes().substr(0, place);
  throw FormatError(*block.source, block.line + std::count(before.begin(), before.end(), '\n'),
                    block.offset + static_cast<int64_t>(place), reason);
}

std::string not_utf8(char c) {
  if (c == 0) return "text must not hold NUL bytes unless invalid is replace or bytes";
  constexpr const char* kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  return std::string("text must be UTF-8 unless invalid is replace or bytes, got byte 0x") +
         kDigits[byte >> 4] + kDigits[byte & 15];
}

// The start of the first token of more than kMaxToken bytes, or text.size().
size_t find_too_long(std::string_view text) {
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_separator(text[i])) start = i + 1;
    if (i >= start + kMaxToken) return start;
  }
  return text.size();
}

}  // namespace

TextCounts& TextCounts::operator+=(const TextCounts& other) {
  tokens += other.tokens;
  lines += other.lines;
  crlf += other.crlf;
  cr += other.cr;
  invalid += other.invalid;
  bytes += other.bytes;
  return *this;
}

void Tokenizer::reserve(size_t num_ids) {
  if (capacity_ < num_ids) {
    ids_.reset();
    ids_.reset(new WordId[num_ids]);
    capacity_ = num_ids;
  }
  end_ = ids_.get();
}

Tokenizer::Ids Tokenizer::tokenize(Block& block) {
  const int64_t lines_before = counts_.lines;
  if (block.form == Block::Form::kText) {
    tokenize_text(block);
  } else {
    tokenize_records(block);
  }
  counts_.bytes += static_cast<int64_t>(block.size);
  counts_.tokens += (end_ - ids_.get()) - (counts_.lines - lines_before);
  if (block.ends_source) {
    if (block.data()[static_cast<std::ptrdiff_t>(block.size) - 1] != '\n') ++counts_.lines;
    *end_++ = kSentenceMark;
  }
  return {ids_.get(), end_};
}

void Tokenizer::tokenize_text(Block& block) {
  const std::string_view text = block.bytes();
  const size_t fault = find_invalid_utf8(text);
  if (fault == text.size() || invalid_ == InvalidBytes::kKeep) {
    if (fault < text.size()) counts_.invalid += count_invalid_utf8(text);
    reserve(text.size() + 2);
    scan(block, block.data(), text.size(), kMaxToken);
    return;
  }
  const size_t token = find_too_long(text);
  if (invalid_ == InvalidBytes::kError && fault <= token + kMaxToken) {
    throw_at(block, fault, not_utf8(text[fault]));
  }
  if (token < text.size()) throw_at(block, token, kTokenTooLong);
  repaired_.assign(1, block.data()[-1]);
  counts_.invalid += replace_invalid_utf8(text, repaired_);
  const size_t size = repaired_.size() - 1;
  repaired_.resize(repaired_.size() + Block::kAfter);
  reserve(size + 2);
  scan(block, repaired_.data() + 1, size, WordTable::kMaxWord);
}

void Tokenizer::put_waiting() {
  for (size_t i = 0; i < num_waiting_; ++i) {
    const HashedWord& word = waiting_[i];
    *end_++ = word.size == 0 ? kSentenceMark : words_.add(word, 1);
  }
  num_waiting_ = 0;
}

// Reads text that stands between one readable byte and Block::kAfter writable ones. Words are
// looked up some time after they are found, when their slots have come from memory.
void Tokenizer::scan(const Block& block, char* text, size_t size, size_t max_token) {
  std::memset(text + size, ' ', Block::kAfter);  // so that the last token ends
  const HashKey key = words_.key();
  const char* token = text;
  for (const char* p = text; p <= text + size; p += 64) {
    for (uint64_t low = find_low_bytes(p); low != 0; low &= low - 1) {
      const char* const stop = p + __builtin_ctzll(low);
      if (!is_separator(*stop)) continue;
      if (num_waiting_ + 2 > waiting_.size()) put_waiting();
      const auto length = static_cast<size_t>(stop - token);
      if (length != 0) {
        if (length > max_token) {
          throw_at(block, static_cast<size_t>(token - text), kTokenTooLong);
        }
        const HashedWord word = hash_padded_word(key, token, length);
        words_.prefetch(word);
        waiting_[num_waiting_++] = word;
      }
      counts_.cr += *stop == '\r';
      if (*stop == '\n') {
        counts_.crlf += stop[-1] == '\r';
        ++counts_.lines;
        waiting_[num_waiting_++].size = 0;
      }
      token = stop + 1;
    }
  }
  put_waiting();
}

void Tokenizer::tokenize_records(const Block& block) {
  reserve(block.size / sizeof(uint32_t) + 2);
  const char* const end = block.bytes().data() + block.size;
  int64_t line = block.line;
  for (const char* p = block.bytes().data(); p < end;) {
    uint32_t size;
    std::memcpy(&size, p, sizeof size);
    p += sizeof size;
    if (size == Block::kSentenceEnd) {
      *end_++ = kSentenceMark;
      ++counts_.lines;
      ++line;
      continue;
    }
    std::string_view word(p, size);
    p += size;
    const size_t fault = find_invalid_utf8(word);
    if (fault < word.size() && invalid_ == InvalidBytes::kError) {
      throw FormatError(*block.source, line, -1, not_utf8(word[fault]));
    }
    if (fault < word.size() && invalid_ == InvalidBytes::kKeep) {
      counts_.invalid += count_invalid_utf8(word);
    } else if (fault < word.size()) {
      repaired_.clear();
      counts_.invalid += replace_invalid_utf8(word, repaired_);
      word = {repaired_.data(), repaired_.size()};
    }
    *end_++ = words_.add(hash_word(words_.key(), word), 1);
  }
}

}  // namespace embkit
