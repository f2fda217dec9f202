#include "io/fasttext.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "core/errors.h"
#include "core/workers.h"

// The format and the arithmetic are those of fastText's own source (Bojanowski et al. 2017,
// "Enriching word vectors with subword information").

namespace embkit {
namespace {

constexpr int32_t kMagic = 793712314;
constexpr int32_t kOldestVersion = 11;
constexpr int32_t kNewestVersion = 12;
constexpr int32_t kUnversioned = 0;
constexpr size_t kUnversionedHeader = 68;  // up to the number of labels
constexpr int32_t kMaxUnversionedDim = 1 << 16;
constexpr int32_t kSupervised = 3;
constexpr size_t kMaxWordBytes = size_t{1} << 20;
constexpr int64_t kMinEntryBytes = 11;  // one byte, a NUL, the count, the kind
constexpr std::string_view kEndOfSentence = "</s>";

using Wide = __int128;  // products of two 64-bit sizes

bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// Bytes taken one after the other, never past the end.
class Cursor {
 public:
  Cursor(const std::string& path, FileBytes file) : path_(path), file_(file) {}

  [[noreturn]] void fail(const std::string& reason, size_t position) const {
    throw FormatError(path_, 0, static_cast<int64_t>(position), reason);
  }
  [[noreturn]] void fail(const std::string& reason) const { fail(reason, position_); }

  template <typename T>
  T take(const char* name) {
    if (remaining() < sizeof(T)) fail(std::string("the file ends inside ") + name);
    T value;
    std::memcpy(&value, file_.data + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  // A number from `low` to `high`.
  template <typename T>
  T take_within(const char* name, T low, T high) {
    const size_t start = position_;
    const T value = take<T>(name);
    if (value < low || value > high) {
      fail(std::string(name) + " must be from " + std::to_string(low) + " to " +
               std::to_string(high) + ", got " + std::to_string(value),
           start);
    }
    return value;
  }

  // The bytes up to the next NUL, which is taken too.
  std::string_view take_word() {
    const uint8_t* start = file_.data + position_;
    const size_t limit = std::min(remaining(), kMaxWordBytes + 1);
    const void* end = limit == 0 ? nullptr : std::memchr(start, 0, limit);
    if (end == nullptr && limit > kMaxWordBytes) fail("a word is longer than 1 MiB");
    if (end == nullptr) fail("the file ends inside a word");
    const auto length = static_cast<size_t>(static_cast<const uint8_t*>(end) - start);
    if (length == 0) fail("a word is empty");
    position_ += length + 1;
    return {reinterpret_cast<const char*>(start), length};
  }

  void skip(size_t bytes) { position_ += bytes; }
  size_t position() const { return position_; }
  size_t remaining() const { return file_.size - position_; }

 private:
  const std::string& path_;
  FileBytes file_;
  size_t position_ = 0;
};

constexpr int32_t kMaxInt = INT32_MAX;

template <typename T>
T value_at(FileBytes file, size_t position) {
  T value;
  std::memcpy(&value, file.data + position, sizeof value);
  return value;
}

// Whether a file begins as models did before they had a magic number: with the options, dim
// first, and with numbers of words and labels that agree.
bool is_unversioned(FileBytes file) {
  if (file.size < kUnversionedHeader) return false;
  const auto field = [file](size_t index) { return value_at<int32_t>(file, 4 * index); };
  for (size_t index = 0; index < 12; ++index) {
    if (field(index) < 0) return false;
  }
  const int32_t dim = field(0), loss = field(6), model = field(7);
  const auto subsample = value_at<double>(file, 48);
  const int32_t entries = field(14), words = field(15), labels = field(16);
  return dim >= 1 && dim <= kMaxUnversionedDim && loss >= 1 && loss <= 3 && model >= 1 &&
         model <= kSupervised && subsample >= 0 && subsample <= 1 && words >= 1 &&
         labels >= 0 && int64_t{words} + labels == entries;
}

void read_version(Cursor& cursor, FastTextModel& model) {
  if (cursor.take<int32_t>("the magic number") != kMagic) {
    cursor.fail("not a fastText model: the magic number is wrong", 0);
  }
  model.version = cursor.take<int32_t>("the version");
  if (model.version < kOldestVersion || model.version > kNewestVersion) {
    cursor.fail("fastText version must be 11 or 12, got " + std::to_string(model.version), 4);
  }
}

void read_header(Cursor& cursor, FastTextModel& model, FileBytes file) {
  model.version = kUnversioned;
  model.subwords.end_has_ngrams = is_unversioned(file);
  if (!model.subwords.end_has_ngrams) read_version(cursor, model);
  model.dim = cursor.take_within<int32_t>("dim", 1, kMaxInt);
  model.window = cursor.take_within<int32_t>("ws", 0, kMaxInt);
  model.epochs = cursor.take_within<int32_t>("epoch", 0, kMaxInt);
  model.min_count = cursor.take_within<int32_t>("minCount", 0, kMaxInt);
  model.negatives = cursor.take_within<int32_t>("neg", 0, kMaxInt);
  model.word_ngrams = cursor.take_within<int32_t>("wordNgrams", 0, kMaxInt);
  model.loss = cursor.take_within<int32_t>("loss", 1, 4);
  model.model = cursor.take_within<int32_t>("model", 1, kSupervised);
  model.subwords.bucket = cursor.take_within<int32_t>("bucket", 0, kMaxInt);
  model.subwords.minn = cursor.take_within<int32_t>("minn", 0, kMaxInt);
  model.subwords.maxn = cursor.take_within<int32_t>("maxn", 0, kMaxInt);
  model.learning_rate_grid = cursor.take_within<int32_t>("lrUpdateRate", 0, kMaxInt);
  const size_t start = cursor.position();
  model.subsample = cursor.take<double>("t");
  if (!std::isfinite(model.subsample)) cursor.fail("t must be finite", start);
  // Supervised models up to version 11 state n-grams that they never had.
  if (model.version <= 11 && model.model == kSupervised) model.subwords.maxn = 0;
}

void read_entries(Cursor& cursor, FastTextModel& model, int64_t num_words,
                  int64_t num_entries) {
  model.word_offsets.reserve(static_cast<size_t>(num_words) + 1);
  model.counts.reserve(static_cast<size_t>(num_words));
  model.word_offsets.push_back(0);
  for (int64_t row = 0; row < num_entries; ++row) {
    const std::string_view word = cursor.take_word();
    const auto count = cursor.take_within<int64_t>("a count", 0, INT64_MAX);
    const int kind = row < num_words ? 0 : 1;  // words come first, then labels
    if (cursor.take<int8_t>("an entry's kind") != kind) {
      cursor.fail("an entry's kind must be " + std::to_string(kind), cursor.position() - 1);
    }
    if (kind != 0) continue;
    model.words.insert(model.words.end(), word.begin(), word.end());
    model.word_offsets.push_back(model.words.size());
    model.counts.push_back(count);
  }
}

void read_prune_index(Cursor& cursor, SubwordRule& rule, int64_t size) {
  rule.pruned = size >= 0;
  if (size <= 0) return;
  if (static_cast<Wide>(size) * 8 > static_cast<Wide>(cursor.remaining())) {
    cursor.fail("a prune index of " + std::to_string(size) + " entries does not fit the file");
  }
  const size_t start = cursor.position();
  rule.kept.reserve(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    const auto hash = cursor.take_within<int32_t>("a pruned hash value", 0, kMaxInt);
    const auto row = cursor.take_within<int32_t>("a pruned row", 0, kMaxInt);
    if (hash >= rule.bucket || row >= size) {
      cursor.fail("the prune index points outside of its rows", cursor.position() - 8);
    }
    rule.kept.emplace_back(hash, row);
  }
  std::sort(rule.kept.begin(), rule.kept.end());
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (std::adjacent_find(rule.kept.begin(), rule.kept.end(), same) != rule.kept.end()) {
    cursor.fail("the prune index has a hash value twice", start);
  }
}

void read_dictionary(Cursor& cursor, FastTextModel& model) {
  const size_t start = cursor.position();
  const auto num_entries = cursor.take_within<int32_t>("the number of entries", 0, kMaxInt);
  const auto num_words = cursor.take_within<int32_t>("the number of words", 0, kMaxInt);
  model.num_labels = cursor.take_within<int32_t>("the number of labels", 0, kMaxInt);
  if (num_entries != num_words + model.num_labels) {
    cursor.fail("a dictionary of " + std::to_string(num_entries) + " entries cannot have " +
                    std::to_string(num_words) + " words and " +
                    std::to_string(model.num_labels) + " labels",
                start);
  }
  if (num_words == 0) cursor.fail("the dictionary has no words", start);
  model.num_tokens = cursor.take_within<int64_t>("the number of tokens", 0, INT64_MAX);
  const bool may_prune = model.version != kUnversioned;
  const int64_t prune_size =
      may_prune ? cursor.take_within<int64_t>("the prune index's size", -1, kMaxInt) : -1;
  if (num_entries * kMinEntryBytes > static_cast<int64_t>(cursor.remaining())) {
    cursor.fail(
        "a dictionary of " + std::to_string(num_entries) + " entries does not fit the file",
        start);
  }
  read_entries(cursor, model, num_words, num_entries);
  read_prune_index(cursor, model.subwords, prune_size);
}

// Checks a matrix's sizes, passes over its values and returns where they begin.
int64_t skip_matrix(Cursor& cursor, const char* name, int64_t rows, int64_t dim) {
  const size_t start = cursor.position();
  const auto got_rows = cursor.take<int64_t>(name);
  const auto got_dim = cursor.take<int64_t>(name);
  if (got_rows != rows || got_dim != dim) {
    cursor.fail(std::string(name) + " must be " + std::to_string(rows) + " x " +
                    std::to_string(dim) + ", got " + std::to_string(got_rows) + " x " +
                    std::to_string(got_dim),
                start);
  }
  const Wide bytes = static_cast<Wide>(rows) * dim * 4;
  if (bytes > static_cast<Wide>(cursor.remaining())) {
    cursor.fail("the file ends inside " + std::string(name), start);
  }
  const auto offset = static_cast<int64_t>(cursor.position());
  cursor.skip(static_cast<size_t>(bytes));
  return offset;
}

void read_matrices(Cursor& cursor, FastTextModel& model) {
  const bool has_flags = model.version != kUnversioned;
  if (has_flags && cursor.take_within<uint8_t>("the input's quantisation flag", 0, 1) != 0) {
    cursor.fail("quantised fastText models (.ftz) are not supported", cursor.position() - 1);
  }
  const SubwordRule& rule = model.subwords;
  const auto ngram_rows =
      rule.pruned ? static_cast<int64_t>(rule.kept.size()) : int64_t{rule.bucket};
  model.input_rows = model.num_words() + ngram_rows;
  model.input_offset = skip_matrix(cursor, "the input matrix", model.input_rows, model.dim);
  if (has_flags) cursor.take_within<uint8_t>("the output's quantisation flag", 0, 1);
  model.output_rows = model.model == kSupervised ? model.num_labels : model.num_words();
  model.output_offset = skip_matrix(cursor, "the output matrix", model.output_rows, model.dim);
  if (cursor.remaining() > 0) {
    cursor.fail(std::to_string(cursor.remaining()) + " bytes follow the model");
  }
}

void check_words_differ(const Cursor& cursor, const FastTextModel& model) {
  std::vector<std::pair<size_t, uint32_t>> order(static_cast<size_t>(model.num_words()));
  for (uint32_t row = 0; row < order.size(); ++row) {
    order[row] = {std::hash<std::string_view>{}(model.word(row)), row};
  }
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : model.word(a.second) < model.word(b.second);
  });
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i].first != order[i - 1].first) continue;
    if (model.word(order[i].second) == model.word(order[i - 1].second)) {
      const auto [first, second] = std::minmax(order[i - 1].second, order[i].second);
      cursor.fail("words " + std::to_string(first) + " and " + std::to_string(second) +
                      " of the dictionary are the same",
                  0);
    }
  }
}

// Summing n-grams costs more than reading: without a bound, a small file of long words could
// ask for hours. Models in use stay below 100 additions a byte.
void check_work(const Cursor& cursor, const FastTextModel& model, size_t file_size) {
  if (!model.subwords.has_ngrams()) return;
  Wide additions = 0;
  for (int64_t row = 0; row < model.num_words(); ++row) {
    const auto length = static_cast<Wide>(model.word(row).size()) + 2;
    additions += length * std::min(length, static_cast<Wide>(model.subwords.maxn));
  }
  additions *= model.dim;
  const Wide limit = (static_cast<Wide>(file_size) << 10) + (Wide{1} << 30);
  if (additions > limit) {
    cursor.fail("maxn is " + std::to_string(model.subwords.maxn) +
                    ", which makes more n-grams than a model of this size can use",
                0);
  }
}

void add_row(const uint8_t* row, int64_t dim, float* sum) {
  for (int64_t i = 0; i < dim; ++i) {
    float value;
    std::memcpy(&value, row + 4 * i, 4);  // rows in the file are not aligned
    sum[i] += value;
  }
}

// Writes the mean of a word's row and its n-grams' rows, added in fastText's order so that the
// bits agree too. Returns whether it is finite.
bool average_rows(const FastTextModel& model, FileBytes file, int64_t row,
                  const std::vector<int64_t>& ngrams, float* mean) {
  const int64_t row_bytes = int64_t{model.dim} * 4;
  const uint8_t* input = file.data + model.input_offset;
  std::memcpy(mean, input + row * row_bytes, static_cast<size_t>(row_bytes));
  for (const int64_t ngram : ngrams) {
    add_row(input + (model.num_words() + ngram) * row_bytes, model.dim, mean);
  }
  const auto scale = static_cast<float>(1.0 / static_cast<double>(ngrams.size() + 1));
  for (int64_t i = 0; i < model.dim; ++i) mean[i] *= scale;
  return std::all_of(mean, mean + model.dim, [](float value) { return std::isfinite(value); });
}

}  // namespace

std::string_view FastTextModel::word(int64_t row) const {
  const auto begin = word_offsets[static_cast<size_t>(row)];
  const auto end = word_offsets[static_cast<size_t>(row) + 1];
  return {reinterpret_cast<const char*>(words.data()) + begin, end - begin};
}

void SubwordRule::append_rows(std::string_view word, std::vector<int64_t>& rows) const {
  if (!has_ngrams() || (word == kEndOfSentence && !end_has_ngrams)) return;
  const std::string bounded = "<" + std::string(word) + ">";
  const size_t length = bounded.size();
  const auto byte_at = [&](size_t i) { return static_cast<uint8_t>(bounded[i]); };
  for (size_t begin = 0; begin < length; ++begin) {
    if (is_continuation(byte_at(begin))) continue;
    uint32_t hash = 2166136261U;  // FNV-1a, over bytes taken as signed
    size_t end = begin;
    for (int64_t characters = 1; end < length && characters <= maxn; ++characters) {
      do {
        hash = (hash ^ static_cast<uint32_t>(static_cast<int8_t>(bounded[end]))) * 16777619U;
        ++end;
      } while (end < length && is_continuation(byte_at(end)));
      const bool is_boundary = characters == 1 && (begin == 0 || end == length);
      if (characters < minn || is_boundary) continue;
      const auto value = static_cast<int32_t>(hash % static_cast<uint32_t>(bucket));
      if (!pruned) {
        rows.push_back(value);
        continue;
      }
      const auto found = std::lower_bound(kept.begin(), kept.end(), std::pair{value, 0});
      if (found != kept.end() && found->first == value) rows.push_back(found->second);
    }
  }
}

bool is_fasttext(FileBytes head) {
  if (head.size >= sizeof kMagic && value_at<int32_t>(head, 0) == kMagic) return true;
  return is_unversioned(head);
}

FastTextModel read_fasttext(const std::string& path, FileBytes file) {
  Cursor cursor(path, file);
  FastTextModel model{};
  read_header(cursor, model, file);
  read_dictionary(cursor, model);
  read_matrices(cursor, model);
  check_words_differ(cursor, model);
  check_work(cursor, model, file.size);
  return model;
}

void compute_fasttext_vectors(const std::string& path, const FastTextModel& model,
                              FileBytes file, int64_t num_rows, float* vectors, int num_threads,
                              bool lenient, const std::function<bool()>& keep_going) {
  constexpr int64_t kChunk = 256;
  std::atomic<int64_t> next{0};
  const auto compute = [&](int, const std::atomic<bool>& stop) {
    std::vector<int64_t> ngrams;
    for (int64_t begin; !stop && (begin = next.fetch_add(kChunk)) < num_rows;) {
      const int64_t end = std::min(begin + kChunk, num_rows);
      for (int64_t row = begin; row < end; ++row) {
        ngrams.clear();
        model.subwords.append_rows(model.word(row), ngrams);
        const bool finite = average_rows(model, file, row, ngrams, vectors + row * model.dim);
        if (finite || lenient) continue;
        throw FormatError(path, 0, model.input_offset + row * model.dim * 4,
                          "the vector of word " + std::to_string(row) + " is not finite");
      }
    }
  };
  run_workers(num_threads, compute, keep_going);
}

}  // namespace embkit
