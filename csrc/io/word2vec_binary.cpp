#include "io/word2vec_binary.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>

#include "core/workers.h"

namespace embkit {
namespace {

constexpr size_t kMaxHeader = 64;
constexpr uint32_t kExponent = 0x7f800000;  // all set: NaN or infinity

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

uint32_t with_full_exponent(const float* value) {
  uint32_t bits;
  std::memcpy(&bits, value, sizeof bits);
  return static_cast<uint32_t>((bits & kExponent) == kExponent);
}

// In lanes, which the compiler turns into vector registers.
bool is_finite(const float* row, uint64_t dim) {
  constexpr uint64_t kLanes = 16;
  uint32_t worst[kLanes] = {};
  uint64_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    for (uint64_t lane = 0; lane < kLanes; ++lane) {
      worst[lane] |= with_full_exponent(row + i + lane);
    }
  }
  for (; i < dim; ++i) worst[0] |= with_full_exponent(row + i);
  return std::all_of(worst, worst + kLanes, [](uint32_t found) { return found == 0; });
}

// A piece of the file, and the whole rows in it.
struct Batch {
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

  std::vector<char> data;
  size_t size = 0;
  uint64_t offset = 0;  // of the first byte in the file
  bool ends_file = false;
  size_t scanned = 0;  // bytes of the rows found
  std::vector<Row> rows;
  std::vector<uint8_t> kinds;  // a RowKind for each row
  std::string fault;           // of the row behind the last one; empty without one
};

enum RowKind : uint8_t { kOrdinary, kZero, kNotFinite };

// Copies a batch's numbers on several threads while the next one is read.
class BinaryReader {
 public:
  BinaryReader(ByteReader& reader, ByteBudget& budget, const ReadOptions& options)
      : reader_(reader), budget_(budget), options_(options), table_(budget) {}

  WordVectors read() {
    read_header();
    const auto stated = static_cast<uint64_t>(table_.report.stated_rows);
    wanted_ =
        options_.limit < 0 ? stated : std::min(stated, static_cast<uint64_t>(options_.limit));
    Batch batch, next;
    batch.offset = reader_.position();
    fill(batch, nullptr);
    for (scan(batch);; scan(batch)) {
      const bool is_last = row_ == wanted_ || !batch.fault.empty() || batch.ends_file;
      copy_rows(batch, is_last ? nullptr : &next);
      keep_rows(batch);
      if (is_last) break;
      std::swap(batch, next);
    }
    if (!batch.fault.empty()) fault(batch.offset + batch.scanned, batch.fault);
    table_.report.reached_end = wanted_ == stated;
    if (row_ == stated && (batch.scanned < batch.size || !reader_.at_end())) {
      fault(last_row_,
            "junk follows the " + std::to_string(stated) + " rows that the header states");
    }
    if (table_.num_words() == 0) reader_.fail("there is no whole row");
    finish(table_, budget_);
    return std::move(table_);
  }

 private:
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
    } else if (!options_.lenient) {
      fail_at(0, "the header states " + std::to_string(rows) + " rows of " +
                     std::to_string(dim) + " float32, which the " +
                     std::to_string(reader_.remaining()) + " bytes behind it cannot hold");
    }
  }

  // Reads on behind what `before` leaves over.
  void fill(Batch& batch, const Batch* before) {
    const size_t left = before == nullptr ? 0 : before->size - before->scanned;
    // A row is whole where the byte behind it is known too.
    size_t room = std::max(options_.batch, left + row_bytes() + 2);
    if (reader_.knows_size()) room = std::min<uint64_t>(room, left + reader_.remaining() + 1);
    if (batch.data.size() < room) batch.data.resize(room);
    if (before != nullptr) {
      std::memcpy(batch.data.data(), before->data.data() + before->scanned, left);
      batch.offset = before->offset + before->scanned;
    }
    batch.size = left + reader_.read_some(batch.data.data() + left, room - left);
    batch.ends_file = batch.size < room;
  }

  size_t row_bytes() const { return table_.dim * sizeof(float); }

  // Finds the whole rows of a batch, up to the last one wanted or the first fault.
  void scan(Batch& batch) {
    batch.rows.clear();
    batch.scanned = 0;
    while (row_ < wanted_ && scan_row(batch)) ++row_;
  }

  // False where no row follows, or only in the next batch.
  bool scan_row(Batch& batch) {
    const char* const start = batch.data.data() + batch.scanned;
    const size_t left = batch.size - batch.scanned;
    const void* const blank = std::memchr(start, ' ', std::min(left, kMaxWordBytes + 1));
    if (blank == nullptr && left <= kMaxWordBytes && !batch.ends_file) return false;
    if (blank == nullptr && left <= kMaxWordBytes) return faulty(batch, cut_short());
    const auto word_size = blank == nullptr
                               ? kMaxWordBytes + 1
                               : static_cast<size_t>(static_cast<const char*>(blank) - start);
    const std::string_view word(start, word_size);
    if (blank == nullptr) return faulty(batch, here(row_, word, "holds a word over 1 MiB"));
    if (word.empty()) return faulty(batch, here(row_, word, "has an empty word"));
    if (word.find('\n') != word.npos) {
      return faulty(batch, here(row_, word, "has a newline inside its word"));
    }
    const size_t size = word_size + 1 + row_bytes();
    if (left <= size && !batch.ends_file) return false;
    if (left < size) return faulty(batch, cut_short());
    const bool has_newline = left > size && start[size] == '\n';
    if (row_ == 0) table_.report.newlines_after_rows = has_newline;
    if (table_.report.newlines_after_rows && !has_newline) {
      return faulty(batch, here(row_, word, "must end in a newline, as the first one does"));
    }
    batch.rows.push_back({batch.scanned, word_size});
    last_row_ = batch.offset + batch.scanned;
    batch.scanned += size + static_cast<size_t>(table_.report.newlines_after_rows);
    return true;
  }

  static bool faulty(Batch& batch, std::string reason) {
    batch.fault = std::move(reason);
    return false;
  }

  // Copies the numbers of all rows behind those of the table, and reads the next batch.
  void copy_rows(Batch& batch, Batch* next) {
    constexpr size_t kRowsAtOnce = 64;
    const uint64_t kept = table_.num_words();
    table_.vectors.resize((kept + batch.rows.size()) * table_.dim);
    batch.kinds.resize(batch.rows.size());
    float* const out = table_.vectors.data() + kept * table_.dim;
    std::atomic<size_t> taken{0};
    const auto copy_some = [&](int) {
      for (size_t i; (i = taken.fetch_add(kRowsAtOnce)) < batch.rows.size();) {
        const size_t end = std::min(i + kRowsAtOnce, batch.rows.size());
        for (; i < end; ++i) {
          float* const row = out + i * table_.dim;
          std::memcpy(row, batch.numbers(batch.rows[i]), row_bytes());
          batch.kinds[i] = !is_finite(row, table_.dim) ? kNotFinite
                           : is_zero(row, table_.dim)  ? kZero
                                                       : kOrdinary;
        }
      }
    };
    std::vector<std::future<void>> helpers;  // declared last: joins before the rest dies
    const size_t worth = batch.rows.size() * row_bytes() / kWorthAThread;
    for (int i = 1; i < options_.threads && static_cast<size_t>(i) <= worth; ++i) {
      helpers.push_back(detail::start(copy_some, i, options_.threads));
    }
    if (next != nullptr) fill(*next, &batch);
    copy_some(0);
    for (auto& helper : helpers) helper.get();
  }

  // Takes the words; closes the gaps of rows that are left out.
  void keep_rows(const Batch& batch) {
    const uint64_t first = table_.num_words();
    for (size_t i = 0; i < batch.rows.size(); ++i) {
      const std::string_view word = batch.word(batch.rows[i]);
      if (batch.kinds[i] == kNotFinite) {
        const uint64_t row = row_ - batch.rows.size() + i;
        fault(batch.offset + batch.rows[i].begin,
              here(row, word, "holds a number that is not finite"));
        ++table_.report.skipped_rows;
        continue;
      }
      const uint64_t kept = table_.num_words();
      if (kept < first + i) {
        const float* const from = table_.vectors.data() + (first + i) * table_.dim;
        std::memmove(table_.vectors.data() + kept * table_.dim, from, row_bytes());
      }
      table_.report.zero_vectors += batch.kinds[i] == kZero;
      table_.add_word(word);
    }
    table_.vectors.resize(table_.num_words() * table_.dim);
  }

  std::string cut_short() const {
    return "the file ends inside row " + std::to_string(row_ + 1) + " of the " +
           std::to_string(table_.report.stated_rows) + " that its header states";
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

  static constexpr size_t kWorthAThread = size_t{1} << 18;  // bytes

  ByteReader& reader_;
  ByteBudget& budget_;
  ReadOptions options_;
  WordVectors table_;
  uint64_t wanted_ = 0;    // rows
  uint64_t row_ = 0;       // rows found so far
  uint64_t last_row_ = 0;  // where the last of them begins
};

}  // namespace

WordVectors read_word2vec_binary(ByteReader& reader, ByteBudget& budget,
                                 const ReadOptions& options) {
  return BinaryReader(reader, budget, options).read();
}

}  // namespace embkit
