#include "io/word2vec_binary.h"

#include <algorithm>
#include <cstring>
#include <optional>

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

bool is_finite(const float* row, uint64_t dim) {
  uint32_t worst = 0;
  for (uint64_t i = 0; i < dim; ++i) {
    uint32_t bits;
    std::memcpy(&bits, row + i, sizeof bits);
    worst |= static_cast<uint32_t>((bits & kExponent) == kExponent);
  }
  return worst == 0;
}

class BinaryReader {
 public:
  BinaryReader(ByteReader& reader, ByteBudget& budget, const ReadOptions& options)
      : reader_(reader), budget_(budget), options_(options), table_(budget) {}

  WordVectors read() {
    read_header();
    const auto stated = static_cast<uint64_t>(table_.report.stated_rows);
    const uint64_t rows =
        options_.limit < 0 ? stated : std::min(stated, static_cast<uint64_t>(options_.limit));
    for (row_ = 0; row_ < rows; ++row_) {
      if (!read_row()) break;
    }
    table_.report.reached_end = rows == stated;
    if (row_ == stated && !reader_.at_end()) {
      fault("junk follows the " + std::to_string(stated) + " rows that the header states");
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

  // False where the file cannot be read on (lenient only).
  bool read_row() {
    start_ = reader_.position();
    word_.clear();
    const ByteReader::Found found = reader_.read_until(' ', kMaxWordBytes, word_);
    if (found == ByteReader::Found::kEnd) return fault(cut_short());
    if (found == ByteReader::Found::kTooLong) return fault(here("holds a word over 1 MiB"));
    if (word_.empty()) return fault(here("has an empty word"));
    if (std::find(word_.begin(), word_.end(), '\n') != word_.end()) {
      return fault(here("has a newline inside its word"));
    }
    const uint64_t kept = table_.num_words();
    table_.vectors.resize((kept + 1) * table_.dim);
    float* vector = table_.vectors.data() + kept * table_.dim;
    const size_t bytes = table_.dim * sizeof(float);
    if (reader_.read_some(vector, bytes) < bytes) return drop(kept, cut_short());
    if (!read_newline())
      return drop(kept, here("must end in a newline, as the first one does"));
    if (is_finite(vector, table_.dim)) {
      table_.add_word({word_.data(), word_.size()});
      table_.report.zero_vectors += is_zero(vector, table_.dim);
      return true;
    }
    drop(kept, here("holds a number that is not finite"));
    ++table_.report.skipped_rows;
    return true;
  }

  bool read_newline() {
    const bool present = !reader_.at_end() && reader_.peek() == '\n';
    if (row_ == 0) table_.report.newlines_after_rows = present;
    if (present && table_.report.newlines_after_rows) reader_.skip();
    return present || !table_.report.newlines_after_rows;
  }

  std::string cut_short() const {
    return "the file ends inside row " + std::to_string(row_ + 1) + " of the " +
           std::to_string(table_.report.stated_rows) + " that its header states";
  }

  std::string here(const std::string& what) const {
    return "row " + std::to_string(row_ + 1) + " (" + quoted({word_.data(), word_.size()}) +
           ") " + what;
  }

  bool drop(uint64_t kept, const std::string& reason) {
    table_.vectors.resize(kept * table_.dim);
    return fault(reason);
  }

  bool fault(const std::string& reason) {
    if (!options_.lenient) fail_at(start_, reason);
    if (table_.report.problem.empty()) {
      table_.report.problem = "byte " + std::to_string(start_) + ": " + reason;
    }
    return false;
  }

  [[noreturn]] void fail_at(uint64_t offset, const std::string& reason) const {
    throw FormatError(reader_.path(), 0, static_cast<int64_t>(offset), reason);
  }

  ByteReader& reader_;
  ByteBudget& budget_;
  ReadOptions options_;
  WordVectors table_;
  std::vector<char> word_;
  uint64_t row_ = 0;    // being read, from 0
  uint64_t start_ = 0;  // its first byte
};

}  // namespace

WordVectors read_word2vec_binary(ByteReader& reader, ByteBudget& budget,
                                 const ReadOptions& options) {
  return BinaryReader(reader, budget, options).read();
}

}  // namespace embkit
