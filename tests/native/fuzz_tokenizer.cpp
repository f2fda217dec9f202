#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/native/fuzz.h"
#include "text/separators.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

using embkit::Block;
using embkit::InvalidBytes;
using embkit::TextReader;
using embkit::TextSource;
using embkit::Tokenizer;

// A tokeniser that serves many inputs, since its tables take longer to make than a text to
// read.
class SharedTokenizer {
 public:
  explicit SharedTokenizer(InvalidBytes invalid) : invalid_(invalid) {}

  Tokenizer& get() {
    if (uses_++ % 1024 == 0) tokenizer_ = std::make_unique<Tokenizer>(kKey, invalid_);
    return *tokenizer_;
  }

 private:
  static constexpr embkit::HashKey kKey = {1, 2};
  InvalidBytes invalid_;
  uint64_t uses_ = 0;
  std::unique_ptr<Tokenizer> tokenizer_;
};

// A text's words, each behind a blank, with a newline behind each sentence that has words:
// others train nothing. Words hold neither, so that equal texts have equal words.
class Words {
 public:
  void add(std::string_view word) {
    text_ += ' ';
    text_ += word;
  }
  void end_sentence() {
    if (!text_.empty() && text_.back() != '\n') text_ += '\n';
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The text as the core cuts it, read in pieces and cut into blocks of about `block_bytes`.
std::string tokenize(std::string_view bytes, size_t piece, size_t block_bytes,
                     Tokenizer& tokenizer) {
  const std::atomic<bool> stop{false};
  bool opened = false;
  const auto next_source = [&](TextSource& source) {
    if (opened) return false;
    opened = true;
    source.name = "input";
    source.read = [&](char* buffer, size_t size, const std::atomic<bool>&) {
      const size_t count = std::min({size, piece, bytes.size()});
      std::memcpy(buffer, bytes.data(), count);
      bytes.remove_prefix(count);
      return count;
    };
    return true;
  };
  TextReader reader(next_source, block_bytes);
  Words words;
  for (Block block; reader.next(block, stop);) {
    const Tokenizer::Ids ids = tokenizer.tokenize(block);
    for (const embkit::WordId* id = ids.begin; id != ids.end; ++id) {
      if (*id == embkit::kSentenceMark) {
        words.end_sentence();
      } else {
        words.add(tokenizer.words().word(*id));
      }
    }
  }
  return words.text();
}

std::string tokenize_slowly(std::string_view bytes) {
  if (bytes.substr(0, 3) == "\xEF\xBB\xBF") bytes.remove_prefix(3);
  Words words;
  std::string word;
  for (const char c : std::string(bytes) + "\n") {
    if (!embkit::is_separator(c)) {
      word += c;
      continue;
    }
    if (!word.empty()) words.add(word);
    word.clear();
    if (c == '\n') words.end_sentence();
  }
  return words.text();
}

}  // namespace

// Blocks and pieces change nothing; whatever is kept equals a byte-by-byte reading.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace embkit;
  static SharedTokenizer keeping(InvalidBytes::kKeep), strict(InvalidBytes::kError);
  if (size == 0) return 0;
  const size_t block_bytes = 1 + data[0] % 31, piece = 1 + data[0] / 31;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const std::string kept = tokenize(bytes, piece, block_bytes, keeping.get());
    EMBKIT_PROMISE(kept == tokenize_slowly(bytes));
    const std::string checked =
        tokenize(bytes, bytes.size() + 1, bytes.size() + 1, strict.get());
    EMBKIT_PROMISE(checked == kept);
    EMBKIT_PROMISE(find_invalid_utf8(bytes) == bytes.size());
  } catch (const FormatError& error) {
    fuzz::check_error(error, bytes.size());
  }
  return 0;
}
