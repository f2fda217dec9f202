#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace embkit {

// The bytes of a whole file, owned by the caller.
struct FileBytes {
  const uint8_t* data;
  size_t size;
};

// How fastText finds the rows of a word's character n-grams. Immutable once read: threads
// share it freely.
struct SubwordRule {
  int32_t minn = 0;                               // characters in the shortest n-gram
  int32_t maxn = 0;                               // in the longest; 0: there are none
  int32_t bucket = 0;                             // hash values; 0: there are none
  bool pruned = false;                            // only the hash values of `kept` have a row
  std::vector<std::pair<int32_t, int32_t>> kept;  // (hash value, row), by hash value
  bool end_has_ngrams = false;  // those of `</s>`, which had them before version 11

  // Appends the row of each n-gram of "<word>", counted from the first n-gram's row.
  void append_rows(std::string_view word, std::vector<int64_t>& rows) const;

  // Whether any word can have n-grams.
  bool has_ngrams() const { return bucket > 0 && maxn > 0 && minn <= maxn; }
};

// A fastText model file (.bin, versions 11 and 12 and those before them) as far as vectors need
// it. Matrices stay in the file: `..._offset` is the byte at which their float32 values begin,
// unaligned.
struct FastTextModel {
  int32_t version;  // 0 in files of before 2017, which state none
  int32_t dim;
  int32_t window;
  int32_t epochs;
  int32_t min_count;
  int32_t negatives;
  int32_t word_ngrams;
  int32_t loss;   // 1 hs, 2 ns, 3 softmax, 4 one against all
  int32_t model;  // 1 cbow, 2 skipgram, 3 supervised
  int32_t learning_rate_grid;
  double subsample;
  int64_t num_tokens;
  int64_t num_labels;
  SubwordRule subwords;

  std::vector<uint8_t> words;  // without the labels
  std::vector<uint64_t> word_offsets;
  std::vector<int64_t> counts;

  int64_t input_rows;  // the words' rows, then the n-grams'
  int64_t input_offset;
  int64_t output_rows;
  int64_t output_offset;

  int64_t num_words() const { return static_cast<int64_t>(counts.size()); }
  std::string_view word(int64_t row) const;
};

// Whether a file that begins with `head` is a fastText model by its looks.
bool is_fasttext(FileBytes head);

// Reads and checks everything but the matrices' values, of which only the sizes are checked:
// each size against the file before anything is allocated for it, and all of them together
// against its last byte. Throws FormatError.
FastTextModel read_fasttext(const std::string& path, FileBytes file);

// Writes the vectors of the first `num_rows` words to `vectors`, num_rows x dim: each is the
// mean of the word's own row and of its n-grams' rows, as fastText computes it. `file` is what
// the model was read from. Throws FormatError at a value that is not finite, unless `lenient`.
// Returns early when keep_going() says so.
void compute_fasttext_vectors(const std::string& path, const FastTextModel& model,
                              FileBytes file, int64_t num_rows, float* vectors, int num_threads,
                              bool lenient, const std::function<bool()>& keep_going);

}  // namespace embkit
