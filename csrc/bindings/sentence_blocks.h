#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "text/block_reader.h"

namespace embkit::bindings {

// Blocks of records from a Python iterator over sentences, each an iterable of str or bytes
// tokens. Every member needs the GIL, and runs on the thread that the iterator belongs to.
class SentenceBlocks {
 public:
  SentenceBlocks(pybind11::iterator sentences, std::string name)
      : sentences_(std::move(sentences)),
        name_(std::make_shared<const std::string>(std::move(name))) {}

  // Fills `block` or returns false at the end. Throws TypeError for a sentence that is a
  // string or a token that is neither str nor bytes, ValueError for an empty token,
  // FormatError for one that is too long, and whatever the iterators raise.
  bool next(Block& block, size_t block_bytes);

  int64_t bytes_read() const { return bytes_read_; }

 private:
  bool open_sentence();
  void append_token(Block& block, pybind11::handle token);

  pybind11::iterator sentences_;
  pybind11::object tokens_;  // iterator over the sentence in hand; null between sentences
  std::shared_ptr<const std::string> name_;
  int64_t num_sentences_ = 0;
  int64_t num_tokens_ = 0;  // of the sentence in hand
  int64_t bytes_read_ = 0;
};

}  // namespace embkit::bindings
