#include "text/cooccurrence.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "core/workers.h"
#include "text/cooccurrence_chunk.h"
#include "text/cooccurrence_result.h"
#include "text/cooccurrence_row.h"
#include "text/cooccurrence_runs.h"
#include "text/vocabulary.h"

namespace embkit {
namespace {

constexpr Index kBlockPairs = 4 << 20;  // of one block, so that threads share the work evenly
constexpr Index kPrefetched = 12;       // centres ahead

__extension__ using Wide = unsigned __int128;

class Counting {
 public:
  Counting(const EncodedText& text, const CooccurrenceOptions& options,
           const CooccurrenceFiles& files, const std::function<void(int64_t, int64_t)>& report)
      : text_(text), options_(options), files_(files), report_(report) {
    for (auto weight = options.before.rbegin(); weight != options.before.rend(); ++weight) {
      weights_.push_back(*weight);
    }
    weights_.push_back(0);  // the centre itself
    weights_.insert(weights_.end(), options.after.begin(), options.after.end());
  }

  std::vector<int64_t> run() {
    count_tokens();
    cut_blocks();
    CooccurrenceResult result(files_, options_.num_rows);
    const Sink write = [&](size_t index, CooccurrenceBlock& block, const auto& stop) {
      result.write(index, block_begins_[index], block, stop);
    };
    CooccurrenceRuns runs(files_.runs, files_.folder, block_begins_.size() - 1);
    const Sink spill = [&](size_t index, const CooccurrenceBlock& block, const auto&) {
      runs.write(index, block_begins_[index], block);
    };
    const bool is_one_chunk = text_.num_tokens <= options_.chunk_tokens;
    total_ = std::accumulate(num_centers_.begin(), num_centers_.end(), int64_t{0}) *
             (is_one_chunk ? 1 : 2);
    {
      CooccurrenceChunk chunk(text_, options_);
      for (Index begin = 0; begin < text_.num_tokens; begin += options_.chunk_tokens) {
        const Index end = std::min(begin + options_.chunk_tokens, text_.num_tokens);
        chunk.fill(begin, end, [&](const CooccurrenceChunk::Body& body) { parallel(body); });
        if (!is_one_chunk) runs.begin_run();
        count(chunk, is_one_chunk ? write : spill);
      }
    }
    if (!is_one_chunk) merge(runs, write);
    report_(total_, total_);
    return result.take_row_begins();
  }

 private:
  using Sink = std::function<void(size_t, CooccurrenceBlock&, const std::atomic<bool>&)>;

  void parallel(const CooccurrenceChunk::Body& body) {
    run_workers(options_.num_threads, body, [&] {
      report_(done_, total_);
      return true;
    });
  }

  // At most how many centres each row has.
  void count_tokens() {
    const auto num_rows = static_cast<size_t>(options_.num_rows);
    std::vector<std::vector<Index>> counts(static_cast<size_t>(options_.num_threads));
    parallel([&](int worker, const std::atomic<bool>& stop) {
      std::vector<Index>& mine = counts[static_cast<size_t>(worker)];
      mine.resize(num_rows);
      const auto bound = [&](Index i) { return text_.num_tokens / options_.num_threads * i; };
      const bool is_last = worker + 1 == options_.num_threads;
      const Index end = is_last ? text_.num_tokens : bound(worker + 1);
      constexpr Index kPolled = 1 << 20;
      for (Index at = bound(worker); at < end && !stop; at += kPolled) {
        for (Index i = at; i < std::min(at + kPolled, end); ++i) {
          const WordId row = options_.row_of[text_.ids[i]];
          if (row != kDropped) ++mine[row];
        }
      }
    });
    num_centers_.resize(num_rows);
    for (const std::vector<Index>& some : counts) {
      for (size_t row = 0; row < some.size(); ++row) num_centers_[row] += some[row];
    }
  }

  void cut_blocks() {
    const auto window = static_cast<Index>(weights_.size() - 1);
    Index pairs = 0, entries = 0;
    block_begins_.push_back(0);
    for (Index row = 0; row < options_.num_rows; ++row) {
      const Index more = num_centers_[static_cast<size_t>(row)] * window;
      const Index more_entries = std::min(more, options_.num_rows);
      if (row > block_begins_.back() &&
          (entries + more_entries > options_.block_entries || pairs + more > kBlockPairs)) {
        block_begins_.push_back(row);
        pairs = entries = 0;
      }
      pairs += more;
      entries += more_entries;
    }
    block_begins_.push_back(options_.num_rows);
  }

  // Whether no sum of a row can pass what a sum may be.
  bool is_safe(Index row) const {
    const Wide window = std::accumulate(weights_.begin(), weights_.end(), Wide{0});
    const auto centers = static_cast<Wide>(num_centers_[static_cast<size_t>(row)]);
    return centers * window <= CooccurrenceRow::kMostSum;
  }

  template <bool kChecked>
  void add_centers(const CooccurrenceChunk& chunk, Index row, CooccurrenceRow& sums) const {
    const uint64_t* const center_weight = weights_.data() + options_.before.size();
    const WordId* const words = chunk.words();
    const CooccurrenceChunk::Center* const end = chunk.end(row);
    for (const auto* center = chunk.begin(row); center < end; ++center) {
      if (end - center > kPrefetched) __builtin_prefetch(words + center[kPrefetched].place);
      const WordId* const word = words + center->place;
      const Index before = center->before;
      sums.add<kChecked>(word - before, center_weight - before, before);
      sums.add<kChecked>(word + 1, center_weight + 1, center->after);
    }
  }

  // Writes one row after the other, block by block: open(worker, block) precedes its rows,
  // add(worker, row, sums) adds up a row and returns how many centres that were.
  template <typename Open, typename Add>
  void for_blocks(const Sink& sink, const Open& open, const Add& add) {
    next_block_ = 0;
    parallel([&](int worker, const std::atomic<bool>& stop) {
      CooccurrenceRow sums(options_.num_rows);
      CooccurrenceBlock block;
      for (size_t i = next_block_++; i + 1 < block_begins_.size() && !stop; i = next_block_++) {
        open(worker, i);
        block.clear();
        for (Index row = block_begins_[i]; row < block_begins_[i + 1]; ++row) {
          done_ += add(worker, row, sums);
          sums.take(block);
        }
        sink(i, block, stop);
      }
    });
  }

  void count(const CooccurrenceChunk& chunk, const Sink& sink) {
    for_blocks(
        sink, [](int, size_t) {},
        [&](int, Index row, CooccurrenceRow& sums) {
          is_safe(row) ? add_centers<false>(chunk, row, sums)
                       : add_centers<true>(chunk, row, sums);
          return chunk.end(row) - chunk.begin(row);
        });
  }

  void merge(const CooccurrenceRuns& runs, const Sink& sink) {
    std::vector<std::vector<CooccurrenceRunReader>> readers(
        static_cast<size_t>(options_.num_threads));
    for (auto& mine : readers) {
      for (size_t run = 0; run < runs.num_runs(); ++run) {
        mine.emplace_back(runs, run, options_.run_records);
      }
    }
    const auto of_worker = [&](int worker) -> std::vector<CooccurrenceRunReader>& {
      return readers[static_cast<size_t>(worker)];
    };
    for_blocks(
        sink,
        [&](int worker, size_t block) {
          for (CooccurrenceRunReader& reader : of_worker(worker)) reader.open(block);
        },
        [&](int worker, Index row, CooccurrenceRow& sums) {
          const bool safe = is_safe(row);
          for (CooccurrenceRunReader& reader : of_worker(worker)) {
            safe ? reader.add_row<false>(row, sums) : reader.add_row<true>(row, sums);
          }
          return num_centers_[static_cast<size_t>(row)];
        });
  }

  const EncodedText& text_;
  const CooccurrenceOptions& options_;
  const CooccurrenceFiles& files_;
  const std::function<void(int64_t, int64_t)>& report_;
  std::vector<uint64_t> weights_;    // from the first word of a window to the last
  std::vector<Index> num_centers_;   // of each row, before subsampling
  std::vector<Index> block_begins_;  // rows; the last is num_rows
  std::atomic<size_t> next_block_{0};
  std::atomic<int64_t> done_{0};
  int64_t total_ = 0;
};

}  // namespace

std::vector<int64_t> count_cooccurrences(
    const EncodedText& text, const CooccurrenceOptions& options, const CooccurrenceFiles& files,
    const std::function<void(int64_t, int64_t)>& keep_going) {
  check_text(text, options.row_of.size());
  return Counting(text, options, files, keep_going).run();
}

}  // namespace embkit
