#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <cerrno>

#include "bindings/bind.h"
#include "bindings/numpy_views.h"
#include "bindings/owning_index.h"
#include "bindings/sentence_blocks.h"
#include "core/errors.h"
#include "text/encoded_corpus.h"

namespace py = pybind11;

namespace embkit::bindings {
namespace {

size_t read_descriptor(int descriptor, const std::string& name, char* buffer, size_t size) {
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer, size);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) throw FileError(name, errno);
  }
}

// Calls a Python readinto(); it gives None where nothing has come yet.
size_t read_python(const py::object& readinto, char* buffer, size_t size,
                   const std::atomic<bool>& stop) {
  const py::gil_scoped_acquire locked;
  while (!stop) {
    const py::object count =
        readinto(py::memoryview::from_memory(buffer, static_cast<py::ssize_t>(size)));
    if (!count.is_none()) return count.cast<size_t>();
  }
  return 0;
}

// The next (name, descriptor or readinto) of a Python iterator.
bool next_source(const py::iterator& sources, TextSource& source) {
  const py::gil_scoped_acquire locked;
  const auto item = py::reinterpret_steal<py::object>(PyIter_Next(sources.ptr()));
  if (!item) {
    if (PyErr_Occurred()) throw py::error_already_set();
    return false;
  }
  auto [name, reader] = item.cast<std::pair<std::string, py::object>>();
  source.name = name;
  if (py::isinstance<py::int_>(reader)) {
    source.read = [name = source.name, descriptor = reader.cast<int>()](
                      char* buffer, size_t size, const std::atomic<bool>&) {
      return read_descriptor(descriptor, name, buffer, size);
    };
  } else {
    source.read = [readinto = reader](char* buffer, size_t size,
                                      const std::atomic<bool>& stop) {
      return read_python(readinto, buffer, size, stop);
    };
  }
  return true;
}

InvalidBytes to_invalid_bytes(const std::string& name) {
  if (name == "error") return InvalidBytes::kError;
  if (name == "replace") return InvalidBytes::kReplace;
  if (name == "bytes") return InvalidBytes::kKeep;
  throw std::invalid_argument("invalid must be error, replace or bytes, got " + name);
}

// Lets Ctrl-C and the caller's progress function stop the work by an exception.
void report(const py::object& progress, int64_t bytes_read) {
  const py::gil_scoped_acquire locked;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  if (!progress.is_none()) progress(bytes_read);
}

EncodedCorpus encode_text(const py::iterator& sources, const EncodeOptions& options,
                          const EncodeFiles& files, size_t block_bytes,
                          const py::object& progress) {
  TextReader reader([&](TextSource& source) { return next_source(sources, source); },
                    block_bytes);
  const py::gil_scoped_release unlocked;
  return encode(
      [&](Block& block, const std::atomic<bool>& stop) { return reader.next(block, stop); },
      options, files, [&] { report(progress, reader.bytes_read()); });
}

EncodedCorpus encode_sentences(const py::iterator& sentences, const std::string& name,
                               const EncodeOptions& options, const EncodeFiles& files,
                               size_t block_bytes, const py::object& progress) {
  SentenceBlocks blocks(sentences, name);
  const py::gil_scoped_release unlocked;
  return encode(
      [&](Block& block, const std::atomic<bool>&) {
        const py::gil_scoped_acquire locked;
        report(progress, blocks.bytes_read());
        return blocks.next(block, block_bytes);
      },
      options, files, [&] { report(progress, blocks.bytes_read()); });
}

py::list to_list(const std::vector<std::pair<std::string, int64_t>>& words) {
  py::list list;
  for (const auto& [word, count] : words) list.append(py::make_tuple(py::bytes(word), count));
  return list;
}

}  // namespace

void bind_corpus(py::module_& m) {
  py::class_<EncodeOptions>(m, "EncodeOptions")
      .def(py::init([](int threads, bool read_on_caller, const std::string& invalid,
                       int64_t min_count, int64_t max_words, const OwningIndex* words) {
             return EncodeOptions{threads,   read_on_caller, to_invalid_bytes(invalid),
                                  min_count, max_words,      words ? &words->index : nullptr};
           }),
           py::keep_alive<1, 7>(),  // the words
           py::kw_only(), py::arg("threads"), py::arg("read_on_caller"), py::arg("invalid"),
           py::arg("min_count"), py::arg("max_words"), py::arg("words").none(true));

  py::class_<EncodeFiles>(m, "EncodeFiles")
      .def(py::init<std::vector<int>, int, int, std::string>(), py::kw_only(),
           py::arg("spills"), py::arg("ids"), py::arg("sentence_offsets"), py::arg("folder"));

  // The words' arrays move out of the object, so each is read once.
  py::class_<EncodedCorpus>(m, "EncodedCorpus")
      .def("take_words",
           [](EncodedCorpus& c) {
             return py::make_tuple(to_array(std::move(c.vocabulary.data)),
                                   to_array(std::move(c.vocabulary.offsets)),
                                   to_array(std::move(c.vocabulary.counts)));
           })
      .def_property_readonly("top_words",
                             [](const EncodedCorpus& c) { return to_list(c.top_words); })
      .def_property_readonly("num_types",
                             [](const EncodedCorpus& c) { return c.vocabulary.num_types; })
      .def_readonly("num_ids", &EncodedCorpus::num_ids)
      .def_readonly("num_sentences", &EncodedCorpus::num_sentences)
      .def_property_readonly("num_tokens",
                             [](const EncodedCorpus& c) { return c.counts.tokens; })
      .def_property_readonly("num_lines", [](const EncodedCorpus& c) { return c.counts.lines; })
      .def_property_readonly("num_crlf", [](const EncodedCorpus& c) { return c.counts.crlf; })
      .def_property_readonly("num_lone_cr",
                             [](const EncodedCorpus& c) { return c.counts.cr - c.counts.crlf; })
      .def_property_readonly("num_invalid",
                             [](const EncodedCorpus& c) { return c.counts.invalid; })
      .def_property_readonly("num_bytes",
                             [](const EncodedCorpus& c) { return c.counts.bytes; });

  m.def("encode_text", &encode_text, py::arg("sources"), py::arg("options"), py::arg("files"),
        py::kw_only(), py::arg("block_bytes"), py::arg("progress"),
        "Encode the files that an iterator of (name, descriptor or readinto) gives.");
  m.def("encode_sentences", &encode_sentences, py::arg("sentences"), py::arg("name"),
        py::arg("options"), py::arg("files"), py::kw_only(), py::arg("block_bytes"),
        py::arg("progress"), "Encode the token lists that an iterator gives.");
}

}  // namespace embkit::bindings
