// More of what starts threads: counting, reading vectors, and the sums of linalg/.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "io/byte_budget.h"
#include "io/word2vec_binary.h"
#include "io/word2vec_text.h"
#include "linalg/analogy_scan.h"
#include "linalg/induction.h"
#include "linalg/norms.h"
#include "linalg/resampling.h"
#include "linalg/sparse_product.h"

namespace embkit {

// A source in memory that hands out a few kilobytes at a time, as a pipe would.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  size_t read(char* out, size_t capacity) override {
    const size_t count = std::min({capacity, size_t{4096}, bytes_.size()});
    std::memcpy(out, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
};

inline std::vector<float> make_numbers(size_t count, uint64_t seed) {
  const EpochRandom random(seed, 0);
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) numbers[i] = uniform(random.at(i)) - 0.5F;
  return numbers;
}

template <typename Numbers>
double sum_of(const Numbers& numbers) {
  double sum = 0;
  for (const auto number : numbers) sum += static_cast<double>(number);
  return sum;
}

// Large enough for four threads, in pieces so small that each has many.
inline void read_vectors(const char* name, bool is_binary, bool knows_size, int num_threads) {
  constexpr uint64_t kRows = 3000, kColumns = 400;
  const std::vector<float> numbers = make_numbers(kRows * kColumns, 3);
  std::string bytes = std::to_string(kRows) + " " + std::to_string(kColumns) + "\n";
  for (uint64_t row = 0; row < kRows; ++row) {
    bytes += "word" + std::to_string(row % (kRows - 7)) + " ";  // some stand twice
    const float* const values = &numbers[row * kColumns];
    if (is_binary) bytes.append(reinterpret_cast<const char*>(values), kColumns * 4);
    for (uint64_t d = 0; d < kColumns && !is_binary; ++d) {
      bytes += std::to_string(values[d]) + " ";
    }
    bytes += "\n";
  }
  MemorySource source(bytes);
  const auto size = static_cast<int64_t>(bytes.size());
  ByteReader reader(source, name, knows_size ? size : ByteReader::kUnknownSize, 4096);
  ByteBudget budget(uint64_t{1} << 26);
  const ReadOptions options = {false, -1, num_threads, is_binary ? 4096 : size_t{1} << 18};
  const auto read = is_binary ? &read_word2vec_binary : &read_word2vec_text;
  WordVectors table = read(reader, budget, options);
  const float* const floats = table.vectors.data();
  double sum = static_cast<double>(table.num_words());
  for (uint64_t i = 0; i < table.num_words() * table.dim; ++i) {
    sum += std::abs(static_cast<double>(floats[i]));
  }
  std::printf("%s %.9g\n", name, sum);
}

inline void multiply(int num_threads) {
  constexpr Index kRows = 400, kColumns = 90, kWidth = 12;
  std::vector<int64_t> offsets = {0};
  std::vector<int32_t> columns;
  for (Index row = 0; row < kRows; ++row) {
    for (Index column = row % 5; column < kColumns; column += 5) {
      columns.push_back(static_cast<int32_t>(column));
    }
    offsets.push_back(static_cast<int64_t>(columns.size()));
  }
  const std::vector<float> values = make_numbers(columns.size(), 4);
  const std::vector<float> dense = make_numbers(kColumns * kWidth, 5);
  const CsrView matrix = {offsets.data(), columns.data(), values.data(),
                          kRows,          kColumns,       static_cast<Index>(columns.size())};
  std::vector<float> product(kRows * kWidth), turned_values(values.size());
  std::vector<int64_t> turned_offsets(kColumns + 1);
  std::vector<int32_t> turned_columns(columns.size());
  sparse_product(matrix, dense.data(), kWidth, num_threads, product.data());
  sparse_transpose(matrix, num_threads, turned_offsets.data(), turned_columns.data(),
                   turned_values.data());
  std::vector<double> norms(kRows);
  row_norms(product.data(), kRows, kWidth, num_threads, norms.data());
  std::printf("sparse %.9g\n",
              sum_of(norms) + sum_of(turned_columns) + turned_values[turned_values.size() / 2]);
}

inline void answer_analogies(int num_threads) {
  constexpr Index kTerms = 9, kRows = 600;
  const std::vector<float> numbers = make_numbers(kTerms * kRows, 6);
  const std::vector<double> products(numbers.begin(), numbers.end());
  AnalogyOptions options;
  options.scorings = {AnalogyScoring::kAdd, AnalogyScoring::kMul};
  options.epsilon = 0.001;
  std::vector<AnalogyQuestion> questions;
  for (Index a = 0; a + 2 < kTerms; ++a) questions.push_back({a, a + 1, a + 2, 0, 1, 1});
  AnalogyScan scan(options, questions, std::vector<int64_t>(questions.size() + 1, 0), {});
  scan.update(products.data(), std::vector<double>(kRows, 1).data(), kTerms, kRows,
              num_threads);
  std::printf("analogies %.9g\n", sum_of(scan.scores()) + sum_of(scan.rows()));
}

inline void induce(int num_threads) {
  constexpr Index kWords = 120;
  InductionOptions options;
  options.num_sources = options.num_targets = kWords;
  options.neighborhood = 10;
  options.keep_probability = 0.5;
  options.num_threads = num_threads;
  InductionPass pass(options, std::vector<float>(kWords, 0), std::vector<float>(kWords, 0));
  const std::vector<float> similarities = make_numbers(kWords * kWords, 7);
  pass.update({similarities.data(), 0, kWords, 0, kWords});
  std::printf("induction %.9g\n", sum_of(pass.sources().best) + sum_of(pass.targets().means));
}

inline void resample(int num_threads) {
  constexpr Index kItems = 50, kResamples = 40;
  const std::vector<float> numbers = make_numbers(2 * kItems, 8);
  const std::vector<double> gold(numbers.begin(), numbers.begin() + kItems);
  const std::vector<double> predicted(numbers.begin() + kItems, numbers.end());
  std::vector<double> values(kResamples * 2);
  CorrelationBootstrap(gold, predicted.data(), 1)
      .run(1, 0, kResamples, num_threads, values.data());
  std::printf("bootstrap %.9g\n", sum_of(values));
}

}  // namespace embkit
