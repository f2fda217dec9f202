#include "text/encoded_corpus.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>

#include "core/errors.h"
#include "core/workers.h"
#include "io/descriptor.h"

namespace embkit {
namespace {

// The ids of one block, in the numbering of the worker that read it.
struct SpilledBlock {
  int64_t index;
  int worker;
  int64_t begin;  // place in the worker's spill file, in ids
  int64_t size;
};

using Input = std::function<bool(Block&, const std::atomic<bool>&)>;

// The first pass: blocks are handed out in order, and each is spilled by the worker that
// tokenised it.
class FirstPass {
 public:
  FirstPass(const Input& next_block, const EncodeFiles& files)
      : next_block_(next_block), files_(files) {}

  void run(int worker, Tokenizer& tokenizer, const std::atomic<bool>& stop) {
    Block block;
    std::vector<SpilledBlock> spilled;
    int64_t end = 0;
    while (const std::optional<int64_t> index = next(block, stop)) {
      try {
        const auto [first, last] = tokenizer.tokenize(block);
        write_at(files_.spills[static_cast<size_t>(worker)], first,
                 static_cast<size_t>(last - first) * sizeof(WordId),
                 end * static_cast<int64_t>(sizeof(WordId)), files_.folder);
        spilled.push_back({*index, worker, end, last - first});
        end += last - first;
      } catch (...) {
        fail(*index);
        throw;
      }
    }
    const std::lock_guard lock(mutex_);
    blocks_.insert(blocks_.end(), spilled.begin(), spilled.end());
  }

  // Blocks handed out before the one that failed are finished, so the first error is always
  // the same one.
  void rethrow_first_error() const {
    if (error_) std::rethrow_exception(error_);
  }

  std::vector<SpilledBlock> blocks() && {
    std::sort(blocks_.begin(), blocks_.end(),
              [](const SpilledBlock& a, const SpilledBlock& b) { return a.index < b.index; });
    return std::move(blocks_);
  }

 private:
  std::optional<int64_t> next(Block& block, const std::atomic<bool>& stop) {
    const std::lock_guard lock(reading_);
    if (is_over_ || stop) return std::nullopt;
    const int64_t index = num_blocks_++;
    try {
      is_over_ = !next_block_(block, stop);
    } catch (...) {
      is_over_ = true;
      fail(index);
      throw;
    }
    if (is_over_) return std::nullopt;
    return index;
  }

  void fail(int64_t index) {
    const std::lock_guard lock(mutex_);
    if (error_ && error_index_ < index) return;
    error_ = std::current_exception();
    error_index_ = index;
  }

  const Input& next_block_;
  const EncodeFiles& files_;
  std::mutex reading_;  // guards the input, num_blocks_ and is_over_
  int64_t num_blocks_ = 0;
  bool is_over_ = false;
  std::mutex mutex_;  // guards what follows
  std::vector<SpilledBlock> blocks_;
  std::exception_ptr error_;
  int64_t error_index_ = 0;
};

// The rows of one block, and the sentences that end in it.
struct Piece {
  std::vector<WordId> rows;
  std::vector<uint64_t> ends;    // counted from the first of `rows`; never two the same
  bool starts_with_end = false;  // a sentence ends before the first of `rows`

  uint64_t last_end() const { return ends.empty() ? 0 : ends.back(); }
};

// Replaces ids by rows, drops words without one, and takes out the marks.
void renumber(const std::vector<WordId>& row_of_id, Piece& piece) {
  piece.ends.clear();
  piece.starts_with_end = false;
  WordId* const begin = piece.rows.data();
  WordId* out = begin;
  for (const WordId id : piece.rows) {
    if (id != kSentenceMark) {
      const WordId row = row_of_id[id];
      *out = row;
      out += row != kDropped;
      continue;
    }
    const auto end = static_cast<uint64_t>(out - begin);
    if (end == 0) piece.starts_with_end = true;
    if (end > piece.last_end()) piece.ends.push_back(end);
  }
  piece.rows.resize(static_cast<size_t>(out - begin));
}

// The second pass: blocks are renumbered in parallel; only the places where each one's rows
// and sentences go are found in order.
class SecondPass {
 public:
  SecondPass(const std::vector<SpilledBlock>& blocks, const Vocabulary& vocabulary,
             const EncodeFiles& files)
      : blocks_(blocks), vocabulary_(vocabulary), files_(files) {
    const uint64_t first = 0;
    write_at(files.sentence_offsets, &first, sizeof first, 0, files.folder);
  }

  void run(const std::atomic<bool>& stop) {
    Piece piece;
    for (size_t i = next_block_++; i < blocks_.size(); i = next_block_++) {
      const SpilledBlock& block = blocks_[i];
      const auto worker = static_cast<size_t>(block.worker);
      piece.rows.resize(static_cast<size_t>(block.size));
      read_at(files_.spills[worker], piece.rows.data(), piece.rows.size() * sizeof(WordId),
              block.begin * static_cast<int64_t>(sizeof(WordId)), files_.folder);
      renumber(vocabulary_.row_of_id[worker], piece);

      const std::optional<Place> place = take_place(i, piece, stop);
      if (!place) return;
      for (uint64_t& end : piece.ends) end += place->row;
      write_at(files_.ids, piece.rows.data(), piece.rows.size() * sizeof(WordId),
               static_cast<int64_t>(place->row * sizeof(WordId)), files_.folder);
      write_at(files_.sentence_offsets, piece.ends.data(), piece.ends.size() * sizeof(uint64_t),
               static_cast<int64_t>((place->sentence + 1) * sizeof(uint64_t)), files_.folder);
    }
  }

  int64_t num_rows() const { return static_cast<int64_t>(end_.row); }
  int64_t num_sentences() const { return static_cast<int64_t>(end_.sentence); }

 private:
  struct Place {
    uint64_t row = 0;
    uint64_t sentence = 0;
  };

  // Where piece number `index` goes, once all before it have their places; nothing if stopped.
  std::optional<Place> take_place(size_t index, Piece& piece, const std::atomic<bool>& stop) {
    constexpr auto kPollInterval = std::chrono::milliseconds(50);
    std::unique_lock lock(mutex_);
    while (turn_ != index) {
      if (stop) return std::nullopt;
      turn_taken_.wait_for(lock, kPollInterval);
    }
    const bool has_end = piece.starts_with_end || !piece.ends.empty();
    const bool leaves_open = piece.rows.size() > piece.last_end() || (is_open_ && !has_end);
    if (piece.starts_with_end && is_open_) piece.ends.insert(piece.ends.begin(), 0);
    is_open_ = leaves_open;
    const Place place = end_;
    end_.row += piece.rows.size();
    end_.sentence += piece.ends.size();
    ++turn_;
    turn_taken_.notify_all();
    return place;
  }

  const std::vector<SpilledBlock>& blocks_;
  const Vocabulary& vocabulary_;
  const EncodeFiles& files_;
  std::atomic<size_t> next_block_{0};
  std::mutex mutex_;  // guards what follows
  std::condition_variable turn_taken_;
  size_t turn_ = 0;
  bool is_open_ = false;  // a sentence with rows goes on into the next piece
  Place end_;
};

}  // namespace

EncodedCorpus encode(const Input& next_block, const EncodeOptions& options,
                     const EncodeFiles& files, const std::function<void()>& keep_going) {
  const auto poll = [&] {
    keep_going();
    return true;
  };
  EncodedCorpus corpus;
  std::vector<WordTable> tables;
  std::vector<SpilledBlock> blocks;
  {
    const HashKey key = random_hash_key();
    std::vector<Tokenizer> tokenizers;
    for (int i = 0; i < options.num_threads; ++i) tokenizers.emplace_back(key, options.invalid);
    FirstPass pass(next_block, files);
    try {
      const auto body = [&](int worker, const std::atomic<bool>& stop) {
        pass.run(worker, tokenizers[static_cast<size_t>(worker)], stop);
      };
      if (options.read_on_caller) {
        body(0, std::atomic<bool>{false});
      } else {
        run_workers(options.num_threads, body, poll);
      }
    } catch (...) {
      pass.rethrow_first_error();
      throw;
    }
    for (Tokenizer& tokenizer : tokenizers) {
      corpus.counts += tokenizer.counts();
      tables.push_back(std::move(tokenizer.words()));
    }
    blocks = std::move(pass).blocks();
  }

  corpus.vocabulary = options.words != nullptr ? match_words(tables, *options.words, keep_going)
                                               : select_words(tables, options.min_count,
                                                              options.max_words, keep_going);
  if (corpus.vocabulary.counts.empty()) {
    corpus.top_words = top_words(tables[0], 10);
    return corpus;
  }
  tables.clear();
  SecondPass pass(blocks, corpus.vocabulary, files);
  run_workers(
      options.num_threads, [&](int, const std::atomic<bool>& stop) { pass.run(stop); }, poll);
  corpus.num_ids = pass.num_rows();
  corpus.num_sentences = pass.num_sentences();
  corpus.vocabulary.row_of_id = {};
  return corpus;
}

}  // namespace embkit
