#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "text/block_reader.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace embkit {

struct EncodeOptions {
  int num_threads;
  bool read_on_caller;  // tokenise on the calling thread: the input is bound to it
  InvalidBytes invalid;
  int64_t min_count;
  int64_t max_words;
  const WordIndex* words;  // if not null, these and their rows are the vocabulary
};

// Open files, all empty at first; the caller owns the descriptors.
struct EncodeFiles {
  std::vector<int> spills;  // one for each thread; of no use afterwards
  int ids;                  // gets uint32 [num_ids]
  int sentence_offsets;     // gets uint64 [num_sentences + 1], places in `ids`
  std::string folder;       // where they are, for messages
};

struct EncodedCorpus {
  Vocabulary vocabulary;
  TextCounts counts;
  int64_t num_ids = 0;
  int64_t num_sentences = 0;
  std::vector<std::pair<std::string, int64_t>> top_words;  // only where no word was kept
};

// Reads blocks once, in parallel, and writes the kept words' rows with the bounds of their
// sentences; a sentence of which no word is kept is left out. The result depends on the
// content alone, not on blocks or threads.
//
// `next_block` fills a block or returns false; its calls never overlap, and it returns soon
// once `stop` is true. keep_going runs about ten times a second on the calling thread and may
// throw. Throws the error of the earliest block, FileError if a file cannot be written.
EncodedCorpus encode(
    const std::function<bool(Block&, const std::atomic<bool>& stop)>& next_block,
    const EncodeOptions& options, const EncodeFiles& files,
    const std::function<void()>& keep_going);

}  // namespace embkit
