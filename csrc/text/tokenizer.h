#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/types.h"
#include "text/block_reader.h"
#include "text/word_table.h"

namespace embkit {

// What to do with bytes that are not UTF-8, and with NUL.
enum class InvalidBytes { kError, kReplace, kKeep };

// What was read, before any word is left out.
struct TextCounts {
  int64_t tokens = 0;
  int64_t lines = 0;    // the last of a source may lack its newline
  int64_t crlf = 0;     // lines that end in CR LF
  int64_t cr = 0;       // CR, also before LF
  int64_t invalid = 0;  // faults replaced or kept
  int64_t bytes = 0;

  TextCounts& operator+=(const TextCounts& other);
};

constexpr WordId kSentenceMark = 0xFFFFFFFFu;  // among word ids: the end of a sentence

// Turns blocks into ids by its own numbering. One worker each: not thread-safe.
class Tokenizer {
 public:
  Tokenizer(HashKey key, InvalidBytes invalid) : words_(key), invalid_(invalid) {}

  // The ids of a block's words, with kSentenceMark after each line and at the end of a source;
  // valid until the next call. Writes to the bytes after the block. Throws FormatError, with
  // source, line and byte, for the first fault.
  struct Ids {
    const WordId* begin;
    const WordId* end;
  };
  Ids tokenize(Block& block);

  WordTable& words() { return words_; }
  const TextCounts& counts() const { return counts_; }

 private:
  void tokenize_text(Block& block);
  void tokenize_records(const Block& block);
  void scan(const Block& block, char* text, size_t size, size_t max_token);
  void reserve(size_t num_ids);
  void put_waiting();
  WordTable words_;
  InvalidBytes invalid_;
  TextCounts counts_;
  std::unique_ptr<WordId[]> ids_;  // not initialised: untouched pages cost nothing
  size_t capacity_ = 0;
  WordId* end_ = nullptr;
  std::vector<char> repaired_;
  std::array<HashedWord, 32> waiting_;  // whose slots are on their way from memory
  size_t num_waiting_ = 0;
};

}  // namespace embkit
