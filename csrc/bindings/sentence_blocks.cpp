#include "bindings/sentence_blocks.h"

#include <cstring>
#include <string_view>

#include "bindings/python_words.h"
#include "core/errors.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

void append(Block& block, const void* bytes, size_t size) {
  block.reserve(block.size + size);
  std::memcpy(block.data() + block.size, bytes, size);
  block.size += size;
}

void append_size(Block& block, size_t size) {
  const auto size32 = static_cast<uint32_t>(size);
  append(block, &size32, sizeof size32);
}

std::string type_name(py::handle object) { return Py_TYPE(object.ptr())->tp_name; }

}  // namespace

bool SentenceBlocks::next(Block& block, size_t block_bytes) {
  block.form = Block::Form::kRecords;
  block.source = name_;
  block.size = 0;
  block.line = num_sentences_ + (tokens_ ? 0 : 1);
  while (block.size < block_bytes) {
    if (!tokens_ && !open_sentence()) break;
    PyObject* const token = PyIter_Next(tokens_.ptr());
    if (token != nullptr) {
      append_token(block, py::reinterpret_steal<py::object>(token));
    } else if (PyErr_Occurred()) {
      throw py::error_already_set();
    } else {
      tokens_ = py::object();
      append_size(block, Block::kSentenceEnd);
    }
  }
  bytes_read_ += static_cast<int64_t>(block.size);
  return block.size > 0;
}

bool SentenceBlocks::open_sentence() {
  PyObject* const next = PyIter_Next(sentences_.ptr());
  if (next == nullptr) {
    if (PyErr_Occurred()) throw py::error_already_set();
    return false;
  }
  const auto sentence = py::reinterpret_steal<py::object>(next);
  ++num_sentences_;
  num_tokens_ = 0;
  if (PyUnicode_Check(next) || PyBytes_Check(next)) {
    throw py::type_error("a corpus must be an iterable of token lists, got " +
                         py::repr(sentence).cast<std::string>().substr(0, 60) +
                         " as sentence " + std::to_string(num_sentences_) +
                         ": it looks like you passed strings; split each into tokens first, "
                         "for example (line.split() for line in lines)");
  }
  tokens_ = py::reinterpret_steal<py::object>(PyObject_GetIter(next));
  if (!tokens_) {
    PyErr_Clear();
    throw py::type_error("a sentence must be an iterable of tokens, got " +
                         type_name(sentence) + " as sentence " +
                         std::to_string(num_sentences_));
  }
  return true;
}

void SentenceBlocks::append_token(Block& block, py::handle token) {
  ++num_tokens_;
  const auto place = [&] {
    return " as token " + std::to_string(num_tokens_) + " of sentence " +
           std::to_string(num_sentences_);
  };
  if (!is_word(token)) {
    throw py::type_error("a token must be str or bytes, got " + type_name(token) + place());
  }
  const Word word(token);
  const std::string_view bytes = word.bytes();
  if (bytes.empty()) {
    throw py::value_error("a token must not be empty, got ''" + place() +
                          " (line.split() makes none, line.split(' ') may)");
  }
  if (bytes.size() > kMaxToken) throw FormatError(*name_, num_sentences_, -1, kTokenTooLong);
  append_size(block, bytes.size());
  append(block, bytes.data(), bytes.size());
}

}  // namespace embkit::bindings
