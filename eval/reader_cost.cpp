// What the checks of the readers cost: each reader beside a loop that trusts the file.
//
//   reader_cost binary|text FILE ROUNDS
//
// Both read on one thread into the same product: the words, the matrix, and the index by which
// a word is found. The trusting loop builds that index too, through which the reader finds
// repeated words, and leaves out all the rest: whether the file can hold what its header
// states, words that are empty, too long, repeated or not UTF-8, numbers that are none or not
// finite, rows of another width, newlines behind rows, rows missing or too many, rows of zeros,
// and the places of faults. Prints the CPU seconds of each round, the checking reader's first;
// the two take turns in going first, and a round before those that count brings the memory.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

#include "io/line_batches.h"
#include "io/parse_float.h"
#include "io/word2vec_binary.h"
#include "io/word2vec_text.h"

namespace embkit {
namespace {

class FileSource : public ByteSource {
 public:
  explicit FileSource(const char* path) : file_(std::fopen(path, "rb")) {
    if (file_ == nullptr) throw std::runtime_error("no such file");
    std::setvbuf(file_, nullptr, _IONBF, 0);
  }
  ~FileSource() override { std::fclose(file_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  size_t read(char* out, size_t capacity) override {
    return std::fread(out, 1, capacity, file_);
  }
  int64_t size() {
    std::fseek(file_, 0, SEEK_END);
    const long size = std::ftell(file_);
    std::rewind(file_);
    return size;
  }

 private:
  std::FILE* file_;
};

uint64_t read_number(ByteReader& reader, char end) {
  std::vector<char> digits;
  reader.read_until(end, 64, digits);
  return std::strtoull(std::string(digits.begin(), digits.end()).c_str(), nullptr, 10);
}

void add_index(WordVectors& table) {
  table.index.emplace(table.words.data(), table.words.size(), table.offsets.data(),
                      table.num_words());
}

WordVectors trust_binary(ByteReader& reader, ByteBudget& budget) {
  WordVectors table(budget);
  const uint64_t rows = read_number(reader, ' ');
  table.dim = read_number(reader, '\n');
  table.vectors.resize(rows * table.dim);
  for (uint64_t row = 0; row < rows; ++row) {
    reader.read_until(' ', kMaxWordBytes, table.words);
    table.offsets.push_back(table.words.size());
    reader.read_some(table.vectors.data() + row * table.dim, table.dim * sizeof(float));
  }
  add_index(table);
  return table;
}

WordVectors trust_text(ByteReader& reader, ByteBudget& budget) {
  WordVectors table(budget);
  LineBatches batches(reader, ReadOptions().batch);
  std::string_view lines = batches.lines();
  const uint64_t rows = std::strtoull(lines.data(), nullptr, 10);
  table.dim = std::strtoull(lines.data() + lines.find(' '), nullptr, 10);
  batches.consume(lines.find('\n') + 1);
  table.vectors.resize(rows * table.dim);
  float* out = table.vectors.data();
  for (uint64_t row = 0; row < rows;) {
    lines = batches.lines();
    const char* p = lines.data();
    while (p != lines.data() + lines.size()) {
      const char* const word = p;
      p = static_cast<const char*>(std::memchr(p, ' ', lines.size()));
      table.add_word({word, static_cast<size_t>(p - word)});
      for (uint64_t i = 0; i < table.dim; ++i) p = parse_float(p + 1, *out++).end;
      ++p;
      ++row;
    }
    batches.consume(lines.size());
  }
  add_index(table);
  return table;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

template <typename Read>
double measure(const char* path, const Read& read) {
  FileSource source(path);
  const int64_t size = source.size();
  const double start = cpu_seconds();
  ByteReader reader(source, path, size);
  ByteBudget budget(~uint64_t{0} >> 1);
  const WordVectors table = read(reader, budget);
  const double seconds = cpu_seconds() - start;
  if (table.num_words() == 0) throw std::runtime_error("nothing was read");
  return seconds;
}

void compare(bool is_text, const char* path, int rounds) {
  const auto check = [&](ByteReader& reader, ByteBudget& budget) {
    const ReadOptions options;
    return is_text ? read_word2vec_text(reader, budget, options)
                   : read_word2vec_binary(reader, budget, options);
  };
  const auto trust = is_text ? &trust_text : &trust_binary;
  for (int round = -1; round < rounds; ++round) {
    const bool is_first = round % 2 == 0;
    double checked = is_first ? measure(path, check) : 0;
    const double trusted = measure(path, trust);
    if (!is_first) checked = measure(path, check);
    if (round >= 0) std::printf("%.6f %.6f\n", checked, trusted);
  }
}

}  // namespace
}  // namespace embkit

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s binary|text FILE ROUNDS\n", argv[0]);
    return 2;
  }
  embkit::compare(std::strcmp(argv[1], "text") == 0, argv[2], std::atoi(argv[3]));
  return 0;
}
