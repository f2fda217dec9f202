#include "io/word2vec_binary.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <future>
#include <mutex>

#include "core/workers.h"

namespace embkit {
namespace {

constexpr size_t kMaxHeader = 64;

// Digits up to `end`, which is consumed; -1 for anything else or more than 18 digits.
int64_t read_integer(ByteReader& reader, char end) {
  std::vector<char> digits;
  if (reader.read_until(end, kMaxHeader, digits) != ByteReader::Found::kDelimiter) return -1;
  if (!digits.empty() && digits.back() == '\r') digits.pop_back();
  if (digits.empty() || digits.size() > 18) return -1;
  int64_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return -1;
    value = value * 10 + (digit - '0');
  }
  return value;
}

enum RowKind : uint8_t { kOrdinary, kZero, kNotFinite };

using Floats __attribute__((vector_size(16))) = float;  // as wide as any processor has them
using Bits __attribute__((vector_size(16))) = uint32_t;

// Copies up to four numbers; returns bits where one is not finite.
inline Bits copy_some(float* to, const char* from, size_t bytes) {
  Floats x = {};
  std::memcpy(&x, from, bytes);
  std::memcpy(to, &x, bytes);
  const Floats zero = x - x;  // NaN for what is not finite
  return reinterpret_cast<Bits>(zero);
}

// Copies a row and looks at its numbers on the way.
RowKind copy_row(float* to, const char* from, uint64_t dim) {
  constexpr uint64_t kStep = sizeof(Floats) / sizeof(float);
  Bits found = {};
  uint64_t i = 0;
#pragma GCC unroll 4
  for (; i + kStep <= dim; i += kStep) {
    found |= copy_some(to + i, from + i * sizeof(float), sizeof(Floats));
  }
  if (i < dim) found |= copy_some(to + i, from + i * sizeof(float), (dim - i) * sizeof(float));
  for (uint64_t lane = 0; lane < kStep; ++lane) {
    if (found[lane] != 0) return kNotFinite;
  }
  return is_zero(to, dim) ? kZero : kOrdinary;
}

// A piece of the file, the whole rows in it, and what became of them.
struct Chunk {
  struct Row {
    size_t begin;
    size_t word_size;
  };

  const char* numbers(const Row& row) const {
    return data.data() + row.begin + row.word_size + 1;
  }
  std::string_view word(const Row& row) const {
    return {data.data() + row.begin, row.word_size};
  }

  // Copies the rows' numbers to `to`, which has room for them.
  void copy_rows(uint64_t dim) {
    for (size_t i = 0; i < rows.size(); ++i) {
      kinds[i] = copy_row(to + i * dim, numbers(rows[i]), dim);
    }
  }

  std::vector<char> data;
  size_t size = 0;
  uint64_t offset = 0;  // of the first byte in the file
  bool ends_file = false;
  size_t scanned = 0;  // bytes of the rows found
  std::vector<Row> rows;
  uint64_t first_row = 0;
  float* to = nullptr;
  std::vector<RowKind> kinds;  // of the rows that were copied
};

// Copies the rows of chunks on several threads, while the one that owns this reads on and,
// where they fall behind, helps. Only the owner calls its members.
class Copiers {
 public:
  Copiers(uint64_t dim, int threads, size_t num_chunks) : dim_(dim), threads_(threads) {
    waiting_.reserve(num_chunks);  // so that no thread allocates
    done_.reserve(num_chunks);
    helpers_.reserve(static_cast<size_t>(threads));  // a helper that no one holds never ends
  }
  ~Copiers() {
    {
      const std::lock_guard lock(mutex_);
      waiting_.clear();
      closed_ = true;
    }
    changed_.notify_all();
  }
  Copiers(const Copiers&) = delete;
  Copiers& operator=(const Copiers&) = delete;

  // The chunk must stay as it is until take() gives it back.
  void give(Chunk& chunk) {
    if (threads_ == 1) {
      chunk.copy_rows(dim_);
      done_.push_back(&chunk);
      return;
    }
    while (static_cast<int>(helpers_.size()) + 1 < threads_) {
      helpers_.push_back(detail::start([this](int) { help(); },
                                       static_cast<int>(helpers_.size()) + 1, threads_));
    }
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(&chunk);
      ++in_hand_;
    }
    changed_.notify_all();
  }

  // A chunk that is done; null if there is none and `wait` is false, or none was given.
  Chunk* take(bool wait) {
    std::unique_lock lock(mutex_);
    while (wait && done_.empty() && in_hand_ > 0) {
      if (!copy_one(lock)) changed_.wait(lock, [&] { return !done_.empty(); });
    }
    if (done_.empty()) return nullptr;
    Chunk* const chunk = done_.back();
    done_.pop_back();
    return chunk;
  }

 private:
  void help() {
    std::unique_lock lock(mutex_);
    while (!closed_) {
      if (!copy_one(lock)) changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    }
  }

  bool copy_one(std::unique_lock<std::mutex>& lock) {
    if (waiting_.empty()) return false;
    Chunk* const chunk = waiting_.front();
    waiting_.erase(waiting_.begin());
    lock.unlock();
    chunk->copy_rows(dim_);
    lock.lock();
    done_.push_back(chunk);
    --in_hand_;
    changed_.notify_all();
    return true;
  }

  const uint64_t dim_;
  const int threads_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Chunk*> waiting_, done_;
  int in_hand_ = 0;  // given, not done
  bool closed_ = false;
  std::vector<std::future<void>> helpers_;  // declared last: joins before the rest dies
};

// Reads and scans chunk after chunk, and has their numbers copied meanwhile.
class BinaryReader {
 public:
  BinaryReader(ByteReader& reader, ByteBudget& budget, const ReadOptions& options)
      : reader_(reader), budget_(budget), options_(options), table_(budget) {}

  WordVectors read() {
    read_header();
    const auto stated = static_cast<uint64_t>(table_.report.stated_rows);
    const bool takes_all = options_.limit < 0 || is_cut_;
    wanted_ = takes_all ? stated : std::min(stated, static_cast<uint64_t>(options_.limit));
    read_rows();
    std::sort(not_finite_.begin(), not_finite_.end());
    if (!not_finite_.empty()) fault(first_fault_.offset, first_fault_.reason);
    if (!scan_fault_.reason.empty()) fault(scan_fault_.offset, scan_fault_.reason);
    table_.report.reached_end = wanted_ == stated;
    if (row_ == stated && (has_rest_ || !reader_.at_end())) {
      fault(rows_end_,
            "junk follows the " + std::to_string(stated) + " rows that the header states");
    }
    table_.report.skipped_rows = static_cast<int64_t>(not_finite_.size());
    drop_rows(table_, not_finite_);
    if (table_.num_words() == 0) reader_.fail("there is no whole row");
    finish(table_, budget_);
    return std::move(table_);
  }

 private:
  struct Fault {
    uint64_t offset = 0;
    std::string reason;
  };

  void read_rows() {
    const int threads = worthwhile_threads();
    std::vector<Chunk> chunks(static_cast<size_t>(threads) + 2);
    std::vector<Chunk*> free;
    for (Chunk& chunk : chunks) free.push_back(&chunk);
    Copiers copiers(table_.dim, threads, chunks.size());  // behind the chunks: dies first
    const Chunk* before = nullptr;
    for (bool is_last = false; !is_last;) {
      while (Chunk* const done = copiers.take(free.empty())) free.push_back(keep(*done));
      Chunk& chunk = *free.back();
      free.pop_back();
      fill(chunk, before);
      scan(chunk);
      is_last = row_ == wanted_ || !scan_fault_.reason.empty() || chunk.ends_file ||
                (!options_.lenient && !not_finite_.empty());
      before = &chunk;
      if (is_cut_) {  // only the place is sought, so nothing is kept
        free.push_back(&chunk);
        continue;
      }
      make_room(chunk, copiers, free);
      copiers.give(chunk);
    }
    has_rest_ = before->scanned < before->size;
    while (Chunk* const done = copiers.take(true)) keep(*done);
  }

  void read_header() {
    const int64_t rows = read_integer(reader_, ' ');
    const int64_t dim = rows < 0 ? -1 : read_integer(reader_, '\n');
    if (rows < 0 || dim < 0) fail_at(0, "the first line must be 'rows dim'");
    if (rows < 1) fail_at(0, "the header must state 1 row or more, got 0");
    if (dim < 1 || dim > static_cast<int64_t>(kMaxDim)) {
      fail_at(0, "dim must be from 1 to " + std::to_string(kMaxDim) + ", the header states " +
                     std::to_string(dim));
    }
    table_.dim = static_cast<uint64_t>(dim);
    table_.report.stated_rows = rows;
    if (!reader_.knows_size()) return;
    const uint64_t least = 2 + sizeof(float) * table_.dim;  // a byte of word and the blank
    if (fits(static_cast<uint64_t>(rows), least, reader_.remaining())) {
      auto wanted = static_cast<uint64_t>(rows);
      if (options_.limit >= 0) wanted = std::min(wanted, static_cast<uint64_t>(options_.limit));
      table_.vectors.reserve(wanted * table_.dim);
      table_.offsets.reserve(wanted + 1);
    } else if (!options_.lenient) {
      is_cut_ = true;
    }
  }

  // A thread is worth its start from so many rows on.
  int worthwhile_threads() const {
    constexpr size_t kWorthAThread = size_t{1} << 20;  // bytes
    const uint64_t parts = wanted_ / (kWorthAThread / row_bytes() + 1);
    return static_cast<int>(
        std::clamp<uint64_t>(parts, 1, static_cast<uint64_t>(options_.threads)));
  }

  // Reads on behind what `before` leaves over, which may be the same chunk.
  void fill(Chunk& chunk, const Chunk* before) {
    const size_t left = before == nullptr ? 0 : before->size - before->scanned;
    const uint64_t offset =
        before == nullptr ? reader_.position() : before->offset + before->scanned;
    // A row is whole where the byte behind it is known too.
    size_t room = left + std::max(std::min(options_.batch, kChunk), row_bytes() + 2);
    if (reader_.knows_size()) room = std::min<uint64_t>(room, left + reader_.remaining() + 1);
    if (chunk.data.size() < room) chunk.data.resize(room);
    if (left > 0) {
      std::memmove(chunk.data.data(), before->data.data() + before->scanned, left);
    }
    chunk.offset = offset;
    chunk.size = left + reader_.read_some(chunk.data.data() + left, room - left);
    chunk.ends_file = chunk.size < room;
  }

  size_t row_bytes() const { return table_.dim * sizeof(float); }

  // Finds the whole rows of a chunk, up to the last one wanted or the first fault, and takes
  // their words.
  void scan(Chunk& chunk) {
    chunk.rows.clear();
    chunk.scanned = 0;
    chunk.first_row = row_;
    while (row_ < wanted_ && scan_row(chunk)) ++row_;
    chunk.kinds.resize(chunk.rows.size());
  }

  // False where no row follows, or only in the next chunk.
  bool scan_row(Chunk& chunk) {
    const char* const start = chunk.data.data() + chunk.scanned;
    const size_t left = chunk.size - chunk.scanned;
    const void* const blank = std::memchr(start, ' ', std::min(left, kMaxWordBytes + 1));
    if (blank == nullptr && left <= kMaxWordBytes && !chunk.ends_file) return false;
    if (blank == nullptr && left <= kMaxWordBytes) return faulty(chunk, cut_short());
    const auto word_size = blank == nullptr
                               ? kMaxWordBytes + 1
                               : static_cast<size_t>(static_cast<const char*>(blank) - start);
    const std::string_view word(start, word_size);
    if (blank == nullptr) return faulty(chunk, here(row_, word, "holds a word over 1 MiB"));
    if (word.empty()) return faulty(chunk, here(row_, word, "has an empty word"));
    if (word.find('\n') != word.npos) {
      return faulty(chunk, here(row_, word, "has a newline inside its word"));
    }
    const size_t size = word_size + 1 + row_bytes();
    if (left <= size && !chunk.ends_file) return false;
    if (left < size) return faulty(chunk, cut_short());
    const bool has_newline = left > size && start[size] == '\n';
    if (row_ == 0) table_.report.newlines_after_rows = has_newline;
    if (table_.report.newlines_after_rows && !has_newline) {
      return faulty(chunk, here(row_, word, "must end in a newline, as the first one does"));
    }
    chunk.rows.push_back({chunk.scanned, word_size});
    if (!is_cut_) table_.add_word(word);
    chunk.scanned += size + static_cast<size_t>(table_.report.newlines_after_rows);
    rows_end_ = chunk.offset + chunk.scanned;
    return true;
  }

  bool faulty(const Chunk& chunk, std::string reason) {
    scan_fault_ = {chunk.offset + chunk.scanned, std::move(reason)};
    return false;
  }

  // Gives a chunk's rows their place. Where the matrix must grow it may move, so nobody may
  // be copying then.
  void make_room(Chunk& chunk, Copiers& copiers, std::vector<Chunk*>& free) {
    const uint64_t numbers = row_ * table_.dim;
    if (numbers > table_.vectors.capacity()) {
      while (Chunk* const done = copiers.take(true)) free.push_back(keep(*done));
    }
    table_.vectors.resize(numbers);
    chunk.to = table_.vectors.data() + chunk.first_row * table_.dim;
  }

  // Notes what its copying found.
  Chunk* keep(Chunk& chunk) {
    for (size_t i = 0; i < chunk.kinds.size(); ++i) {
      if (chunk.kinds[i] == kOrdinary) continue;
      table_.report.zero_vectors += chunk.kinds[i] == kZero;
      if (chunk.kinds[i] != kNotFinite) continue;
      const uint64_t row = chunk.first_row + i;
      const uint64_t offset = chunk.offset + chunk.rows[i].begin;
      if (not_finite_.empty() || offset < first_fault_.offset) {
        first_fault_ = {
            offset, here(row, chunk.word(chunk.rows[i]), "holds a number that is not finite")};
      }
      not_finite_.push_back(row);
    }
    return &chunk;
  }

  std::string cut_short() const {
    return "the file ends inside row " + std::to_string(row_ + 1) + " of the " +
           std::to_string(table_.report.stated_rows) + " that its header states, " +
           std::to_string(table_.dim) + " float32 each";
  }

  static std::string here(uint64_t row, std::string_view word, const std::string& what) {
    return "row " + std::to_string(row + 1) + " (" + quoted(word) + ") " + what;
  }

  void fault(uint64_t offset, const std::string& reason) {
    if (!options_.lenient) fail_at(offset, reason);
    if (table_.report.problem.empty()) {
      table_.report.problem = "byte " + std::to_string(offset) + ": " + reason;
    }
  }

  [[noreturn]] void fail_at(uint64_t offset, const std::string& reason) const {
    throw FormatError(reader_.path(), 0, static_cast<int64_t>(offset), reason);
  }

  static constexpr size_t kChunk = size_t{1} << 20;  // a call for less costs the system more

  ByteReader& reader_;
  ByteBudget& budget_;
  ReadOptions options_;
  WordVectors table_;
  uint64_t wanted_ = 0;    // rows
  uint64_t row_ = 0;       // rows found so far
  uint64_t rows_end_ = 0;  // behind the last of them
  bool is_cut_ = false;    // the file cannot hold what its header states
  bool has_rest_ = false;  // behind the last row of the last chunk
  Fault scan_fault_;       // behind the last row; without a reason there is none
  Fault first_fault_;      // of the first row in not_finite_
  std::vector<uint64_t> not_finite_;
};

}  // namespace

WordVectors read_word2vec_binary(ByteReader& reader, ByteBudget& budget,
                                 const ReadOptions& options) {
  return BinaryReader(reader, budget, options).read();
}

}  // namespace embkit
