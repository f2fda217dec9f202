// Runs everything in the core that starts threads, on a text made here: for the sanitizers, and
// to compare one build with another.
//
//   workout THREADS
//
// Prints a line for each part: its name and a number that says what came out.

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "linalg/top_k.h"
#include "tests/native/workout_more.h"
#include "text/cooccurrence.h"
#include "text/digest.h"
#include "text/encoded_corpus.h"
#include "train/glove.h"
#include "train/word2vec.h"

namespace embkit {
namespace {

constexpr int kNumWords = 60;
constexpr int kNumLines = 300;
constexpr int kLineWords = 15;
constexpr int kDim = 20;

bool go_on() { return true; }

// A file without a name, which the system removes.
class Scratch {
 public:
  Scratch() : file_(std::tmpfile()) {
    if (file_ == nullptr) throw std::runtime_error("no temporary file");
  }
  ~Scratch() { std::fclose(file_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  int descriptor() const { return fileno(file_); }
  template <typename T>
  std::vector<T> read(size_t count) const {
    std::vector<T> values(count);
    const auto size = static_cast<ssize_t>(count * sizeof(T));
    if (pread(descriptor(), values.data(), count * sizeof(T), 0) != size) {
      throw std::runtime_error("a temporary file is short");
    }
    return values;
  }

 private:
  std::FILE* file_;
};

// Words of falling frequency, each line about one of a few topics, so that there is something
// to learn.
std::string make_text() {
  const EpochRandom random(1, 0);
  std::string text;
  for (uint64_t line = 0; line < kNumLines; ++line) {
    for (uint64_t i = 0; i < kLineWords; ++i) {
      const float u = uniform(random.at(line * kLineWords + i));
      const int word = static_cast<int>(kNumWords / 6 * u * u);
      text += "w" + std::to_string(word * 6 + static_cast<int>(line % 6)) + " ";
    }
    text += "\n";
  }
  return text;
}

struct Corpus {
  std::vector<WordId> ids;
  std::vector<uint64_t> sentence_offsets;
  std::vector<int64_t> counts;

  EncodedText view() const {
    return {ids.data(), static_cast<Index>(ids.size()), sentence_offsets.data(),
            static_cast<Index>(sentence_offsets.size()) - 1};
  }
};

Corpus encode_text(int num_threads) {
  std::string text = make_text();
  size_t begin = 0;
  bool opened = false;
  TextReader reader(
      [&](TextSource& source) {
        if (std::exchange(opened, true)) return false;
        source.name = "text";
        source.read = [&](char* buffer, size_t size, const std::atomic<bool>&) {
          const size_t count = text.copy(buffer, size, begin);
          begin += count;
          return count;
        };
        return true;
      },
      1000);
  std::vector<Scratch> spills(static_cast<size_t>(num_threads));
  Scratch ids, offsets;
  EncodeFiles files{{}, ids.descriptor(), offsets.descriptor(), "."};
  for (const Scratch& spill : spills) files.spills.push_back(spill.descriptor());
  const EncodedCorpus encoded = encode(
      [&](Block& block, const std::atomic<bool>& stop) { return reader.next(block, stop); },
      {num_threads, false, InvalidBytes::kError, 1, kNumWords}, files, [] {});
  return {ids.read<WordId>(static_cast<size_t>(encoded.num_ids)),
          offsets.read<uint64_t>(static_cast<size_t>(encoded.num_sentences) + 1),
          encoded.vocabulary.counts};
}

double norm(const PaddedMatrix& matrix) {
  double sum = 0;
  for (Index row = 0; row < matrix.num_rows(); ++row) {
    for (Index d = 0; d < matrix.dim(); ++d) {
      sum += std::pow(static_cast<double>(matrix.row(row)[d]), 2);
    }
  }
  return std::sqrt(sum);
}

Word2VecOptions model_of(bool is_cbow, bool is_hierarchical, bool share_negatives) {
  Word2VecOptions options{};
  options.is_cbow = is_cbow;
  options.is_hierarchical = is_hierarchical;
  options.share_negatives = share_negatives;
  return options;
}

Word2VecOptions nce_model_of(bool is_cbow, bool learn_normalizer, Index block_size) {
  Word2VecOptions options = model_of(is_cbow, false, true);
  options.is_noise_contrastive = true;
  options.learn_normalizer = learn_normalizer;
  options.unigram_bias = true;
  options.block_size = block_size;
  options.block_negatives = 12;
  return options;
}

void train_word2vec(const char* name, const Corpus& corpus, int num_threads,
                    Word2VecOptions options) {
  options.dynamic_window = true;
  options.dim = kDim;
  options.window = 3;
  options.negatives = 8;
  options.smoothing = 0.75;
  options.subsample = 0.05;
  options.learning_rate = 0.1;
  options.epochs = 2;
  options.seed = 1;
  options.block_tokens = 256;
  options.copy_rows = num_threads > 1;  // one thread alone has no copies
  Word2Vec model(options, corpus.view(), corpus.counts);
  model.train(num_threads, go_on);
  std::printf("%s-loss %.9g\n", name,
              model.progress().loss / static_cast<double>(model.progress().num_pairs));
  std::printf("%s-norm %.9g\n", name, norm(model.input()) + norm(model.output()));
}

void train_glove(int num_threads) {
  std::vector<int64_t> offsets = {0};
  std::vector<int32_t> columns;
  std::vector<double> values;
  for (int row = 0; row < kNumWords; ++row) {
    for (int column = row % 3; column < kNumWords; column += 3) {
      columns.push_back(column);
      values.push_back(1 + (row * 7 + column * 3) % 40);
    }
    offsets.push_back(static_cast<int64_t>(columns.size()));
  }
  GloVeOptions options{};
  options.dim = kDim;
  options.x_max = 10;
  options.exponent = 0.75;
  options.learning_rate = 0.05;
  options.clip = 100;
  options.seed = 1;
  options.tile_words = 16;
  options.chunk_cells = 32;
  GloVe model(options, {offsets.data(), columns.data(), values.data(), kNumWords});
  model.arrange(num_threads, go_on);
  for (int epoch = 0; epoch < 4; ++epoch) model.train_epoch(num_threads, go_on);
  std::printf("glove-cost %.9g\n", model.counters().costs.back());
}

// Chunks so small that they are written as runs and merged.
void count_pairs(const Corpus& corpus, int num_threads) {
  CooccurrenceOptions options{};
  options.before = options.after = {3, 2, 1};
  options.num_rows = static_cast<Index>(corpus.counts.size());
  for (WordId id = 0; id < corpus.counts.size(); ++id) options.row_of.push_back(id);
  options.keep_below = keep_thresholds(corpus.counts, 0.05, false);
  options.seed = 1;
  options.num_threads = num_threads;
  options.chunk_tokens = 1000;
  options.piece_tokens = 100;
  options.block_entries = 200;
  options.run_records = 50;
  Scratch values, columns, runs;
  const std::vector<int64_t> begins = count_cooccurrences(
      corpus.view(), options,
      {values.descriptor(), 0, columns.descriptor(), 0, runs.descriptor(), "."},
      [](int64_t, int64_t) {});
  const std::vector<double> found = values.read<double>(static_cast<size_t>(begins.back()));
  std::printf("cooccurrence %.9g\n", sum_of(found) + static_cast<double>(begins.back()));
}

void find_neighbors(int num_threads) {
  constexpr Index kRows = 500, kQueries = 40;
  const EpochRandom random(2, 0);
  const auto number = [&](Index i) {
    return uniform(random.at(static_cast<uint64_t>(i))) - 0.5F;
  };
  std::vector<float> rows(kRows * kDim), products(kQueries * kRows), screens(kRows, NAN);
  std::vector<double> terms(kQueries * kDim), scales(kRows, 1);
  for (Index i = 0; i < kRows * kDim; ++i) rows[static_cast<size_t>(i)] = number(i);
  for (Index i = 0; i < kQueries * kDim; ++i) terms[static_cast<size_t>(i)] = number(i);
  TopKOptions options;
  options.k = 5;
  options.radius = 10;
  TopK top(options, kDim, terms, std::vector<double>(kQueries, 1),
           std::vector<double>(kQueries, 0), std::vector<int64_t>(kQueries + 1, 0), {});
  top.update({products.data(), rows.data(), scales.data(), screens.data(), nullptr, 0, kRows},
             num_threads);
  std::vector<int64_t> found(kQueries * 5);
  std::vector<float> scores(kQueries * 5);
  top.result(found.data(), scores.data());
  double sum = 0;
  for (const float score : scores) sum += static_cast<double>(score);
  std::printf("top-k %.9g\n", sum);
}

void run(int num_threads) {
  const Corpus corpus = encode_text(num_threads);
  const auto words =
      digest(corpus.ids.data(), corpus.ids.size() * sizeof(WordId), num_threads, go_on);
  std::printf("encode %llu\n", static_cast<unsigned long long>(words[0] >> 32));
  train_word2vec("skipgram-ns", corpus, num_threads, model_of(false, false, true));
  train_word2vec("skipgram-ns-pair", corpus, num_threads, model_of(false, false, false));
  train_word2vec("skipgram-hs", corpus, num_threads, model_of(false, true, true));
  train_word2vec("cbow-ns", corpus, num_threads, model_of(true, false, true));
  train_word2vec("cbow-hs", corpus, num_threads, model_of(true, true, true));
  train_word2vec("skipgram-nce", corpus, num_threads, nce_model_of(false, true, 0));
  Word2VecOptions nce_pair = nce_model_of(false, false, 0);
  nce_pair.share_negatives = false;
  train_word2vec("skipgram-nce-pair", corpus, num_threads, nce_pair);
  train_word2vec("cbow-nce-block", corpus, num_threads, nce_model_of(true, false, 40));
  train_glove(num_threads);
  count_pairs(corpus, num_threads);
  find_neighbors(num_threads);
  read_vectors("read-text", false, true, num_threads);
  read_vectors("read-binary", true, true, num_threads);
  read_vectors("read-binary-pipe", true, false, num_threads);
  multiply(num_threads);
  answer_analogies(num_threads);
  induce(num_threads);
  resample(num_threads);
}

}  // namespace
}  // namespace embkit

int main(int argc, char** argv) {
  if (argc != 2 || std::atoi(argv[1]) < 1) {
    std::fprintf(stderr, "usage: %s THREADS\n", argv[0]);
    return 2;
  }
  embkit::run(std::atoi(argv[1]));
  return 0;
}
