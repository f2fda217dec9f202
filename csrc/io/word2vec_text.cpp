#include "io/word2vec_text.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/workers.h"
#include "io/line_batches.h"
#include "io/text_rows.h"

namespace embkit {
namespace {

constexpr int kLinesThatTellDim = 1000;
constexpr char kUnterminated[] =
    "the last line has no newline, so the file may be cut short (if it is whole, add one)";

bool is_integer(std::string_view field) {
  if (field[0] == '-' || field[0] == '+') field.remove_prefix(1);  // no field is empty
  return !field.empty() && field.find_first_not_of("0123456789") == field.npos;
}

// At most 18 digits; -1 for anything larger or negative.
int64_t to_integer(std::string_view field) {
  if (field[0] == '+') field.remove_prefix(1);
  if (field[0] == '-' || field.size() > 18) return -1;
  int64_t value = 0;
  for (const char digit : field) value = value * 10 + (digit - '0');
  return value;
}

std::string_view first_line(std::string_view lines) {
  return trim_end(lines.substr(0, lines.find('\n')));
}

class TextReader {
 public:
  TextReader(ByteReader& reader, ByteBudget& budget, const ReadOptions& options)
      : reader_(reader),
        budget_(budget),
        options_(options),
        batches_(reader, options.batch * static_cast<size_t>(options.threads)),
        table_(budget) {}

  WordVectors read() {
    read_beginning();
    while (wants_more()) {
      const std::string_view lines = within_limit(batches_.lines());
      if (!lines.empty()) {
        batches_.consume(parse(lines));
      } else if (!accept_rest()) {
        break;
      }
    }
    check_rows();
    finish(table_, budget_);
    return std::move(table_);
  }

 private:
  void read_beginning() {
    std::string_view lines = batches_.lines();
    check_encoding(lines.empty() ? batches_.rest() : lines);
    if (lines.empty()) {
      if (!trim_end(batches_.rest()).empty()) fail(1, kUnterminated);
      fail(1, "there is no row");
    }
    if (lines.substr(0, 3) == "\xef\xbb\xbf") {
      table_.report.byte_order_mark = 1;
      batches_.consume(3);
      lines.remove_prefix(3);
    }
    if (!read_header(lines)) find_dim(lines);
  }

  void check_encoding(std::string_view start) {
    const std::string_view two = start.substr(0, 2);
    if (two == "\xff\xfe" || two == "\xfe\xff") fail(1, "this looks like UTF-16, not UTF-8");
  }

  bool read_header(std::string_view lines) {
    const std::string_view line = first_line(lines);
    const std::vector<std::string_view> fields = split_fields(line);
    if (fields.size() != 2 || !is_integer(fields[0]) || !is_integer(fields[1])) return false;
    const size_t length = lines.find('\n') + 1;
    const int64_t dim = to_integer(fields[1]);
    if (dim < 1 || dim > static_cast<int64_t>(kMaxDim)) {
      fail(1, "dim must be from 1 to " + std::to_string(kMaxDim) + ", the header states " +
                  quoted(fields[1]));
    }
    const int64_t rows = to_integer(fields[0]);
    if (rows < 1) fail(1, "the header must state 1 row or more, got " + quoted(fields[0]));
    table_.dim = static_cast<uint64_t>(dim);
    table_.report.stated_rows = rows;
    table_.report.crlf_lines = length > 1 && lines[length - 2] == '\r';
    batches_.consume(length);
    ++line_;
    check_size(static_cast<uint64_t>(rows));
    return true;
  }

  // A row takes at least a byte of word, a blank and a digit per number, and a newline.
  void check_size(uint64_t rows) {
    if (!reader_.knows_size()) return;
    const uint64_t size = reader_.position() + reader_.remaining();
    const uint64_t left = size - std::min(size, batches_.offset());
    if (fits(rows, 2 * table_.dim + 2, left)) {
      table_.vectors.reserve(wanted(rows) * table_.dim);
    } else if (!options_.lenient) {
      fail(1, "the header states " + std::to_string(rows) + " rows of " +
                  std::to_string(table_.dim) + " numbers, which the file's " +
                  std::to_string(size) + " bytes cannot hold");
    }
  }

  uint64_t wanted(uint64_t rows) const {
    return options_.limit < 0 ? rows : std::min(rows, static_cast<uint64_t>(options_.limit));
  }

  // Most of the first lines decide, since a word with blanks makes its line look wider.
  void find_dim(std::string_view lines) {
    std::map<size_t, int> votes;
    for (int i = 0; i < kLinesThatTellDim && !lines.empty(); ++i) {
      ++votes[split_fields(first_line(lines)).size()];
      lines.remove_prefix(std::min(lines.find('\n') + 1, lines.size()));
    }
    votes.erase(0);
    size_t fields = 0;
    for (const auto& [width, count] : votes) {
      if (fields == 0 || count > votes[fields]) fields = width;
    }
    if (fields == 0) fail(1, "there is no row");
    if (fields == 1) fail(1, "a row must be a word and its numbers, got one field");
    if (fields - 1 > kMaxDim) fail(1, "dim must be at most " + std::to_string(kMaxDim));
    table_.dim = fields - 1;
  }

  bool wants_more() const {
    return options_.limit < 0 || table_.num_words() < static_cast<uint64_t>(options_.limit);
  }

  std::string_view within_limit(std::string_view lines) const {
    if (options_.limit < 0) return lines;
    size_t length = 0;
    const uint64_t most = static_cast<uint64_t>(options_.limit) - table_.num_words();
    for (uint64_t i = 0; i < most && length < lines.size(); ++i) {
      length = lines.find('\n', length) + 1;
    }
    return lines.substr(0, length);
  }

  // At the end of the file. A last line without newline may be cut inside its last number,
  // unless a blank follows that.
  bool accept_rest() {
    const std::string_view rest = batches_.rest();
    const std::string_view text = trim_end(rest);
    if (text.empty()) return false;
    if (text.size() < rest.size()) {
      batches_.terminate();
      return true;
    }
    if (!options_.lenient) fail(line_ + 1, kUnterminated);
    note_problem(line_ + 1, kUnterminated);
    ++table_.report.skipped_rows;
    return false;
  }

  // Returns the bytes that were parsed.
  size_t parse(std::string_view lines) {
    const std::vector<std::string_view> pieces = split(lines);
    const std::vector<uint64_t> first_rows = make_room(pieces);
    const uint64_t all_rows = table_.vectors.size() / table_.dim;
    std::vector<TextRows> parsed(pieces.size());
    const auto parse_piece = [&](size_t i) {
      const uint64_t end = i + 1 < pieces.size() ? first_rows[i + 1] : all_rows;
      parsed[i] = parse_text_rows(pieces[i], table_.dim, options_.lenient,
                                  place_of(first_rows[i]), end - first_rows[i]);
    };
    if (pieces.size() == 1) {
      parse_piece(0);
    } else {
      run_workers(
          static_cast<int>(pieces.size()),
          [&](int i, const std::atomic<bool>&) { parse_piece(static_cast<size_t>(i)); },
          [] { return true; });
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
      append(parsed[i],
             static_cast<int64_t>(batches_.offset()) + (pieces[i].data() - lines.data()),
             place_of(first_rows[i]));
      line_ += parsed[i].num_lines;
    }
    table_.vectors.resize(table_.num_words() * table_.dim);
    return static_cast<size_t>(pieces.back().data() - lines.data()) + parsed.back().size;
  }

  float* place_of(uint64_t row) { return table_.vectors.data() + row * table_.dim; }

  // Where the rows of each piece begin. The last one's lines are counted only where the matrix
  // has no room: otherwise it fills what there is.
  std::vector<uint64_t> make_room(const std::vector<std::string_view>& pieces) {
    std::vector<uint64_t> first_rows = {table_.num_words()};
    for (size_t i = 0; i + 1 < pieces.size(); ++i) {
      first_rows.push_back(first_rows.back() + count_lines(pieces[i]));
    }
    uint64_t rows = table_.vectors.capacity() / table_.dim;
    if (rows <= first_rows.back()) {
      rows = first_rows.back() + count_lines(pieces.back());
      if (table_.report.stated_rows >= 0) table_.vectors.reserve(rows * table_.dim);
    }
    table_.vectors.resize(rows * table_.dim);
    return first_rows;
  }

  static uint64_t count_lines(std::string_view lines) {
    uint64_t count = 0;
    for (size_t end = 0; end < lines.size(); ++count) end = lines.find('\n', end) + 1;
    return count;
  }

  // Equal parts, each of whole lines.
  std::vector<std::string_view> split(std::string_view lines) const {
    constexpr size_t kWorthAThread = size_t{1} << 18;
    const auto most = static_cast<size_t>(options_.threads);
    const size_t parts = std::clamp<size_t>(lines.size() / kWorthAThread, 1, most);
    std::vector<std::string_view> pieces;
    const size_t target = lines.size() / parts;
    while (pieces.size() + 1 < parts && lines.size() > target) {
      const size_t length = lines.find('\n', target) + 1;
      pieces.push_back(lines.substr(0, length));
      lines.remove_prefix(length);
    }
    if (!lines.empty()) pieces.push_back(lines);
    return pieces;
  }

  void append(const TextRows& rows, int64_t offset, const float* place) {
    if (rows.fault) {
      const int64_t line = line_ + rows.fault->line + 1;
      if (!options_.lenient) fail(line, rows.fault->reason, offset + rows.fault->offset);
      note_problem(line, rows.fault->reason);
    }
    float* to = table_.vectors.data() + table_.num_words() * table_.dim;
    if (to != place) std::memmove(to, place, rows.num_rows() * table_.dim * sizeof(float));
    const char* word = rows.words.data();
    for (const uint32_t length : rows.word_lengths) {
      table_.add_word({word, length});
      word += length;
    }
    table_.report.skipped_rows += rows.skipped_rows;
    table_.report.zero_vectors += rows.zero_vectors;
    table_.report.blank_lines += rows.blank_lines;
    table_.report.crlf_lines += rows.crlf_lines;
    const int64_t stated = table_.report.stated_rows;
    if (stated >= 0 && !options_.lenient && static_cast<int64_t>(table_.num_words()) > stated) {
      fail(table_.report.blank_lines > 0 ? 0 : stated + 2, too_many());
    }
  }

  std::string too_many() const {
    const int64_t stated = table_.report.stated_rows;
    return "the header states " + std::to_string(stated) + " rows, here is row " +
           std::to_string(stated + 1);
  }

  void check_rows() {
    ReadReport& report = table_.report;
    report.reached_end = wants_more();
    const auto rows = static_cast<int64_t>(table_.num_words());
    if (rows == 0) fail(line_ + 1, "there is no row");
    if (!report.reached_end || report.stated_rows < 0 || rows == report.stated_rows) return;
    const std::string reason = "the header states " + std::to_string(report.stated_rows) +
                               " rows, the file has " + std::to_string(rows);
    if (!options_.lenient) fail(line_, reason);
    note_problem(line_, reason);
  }

  void note_problem(int64_t line, const std::string& reason) {
    std::string& problem = table_.report.problem;
    if (problem.empty()) problem = "line " + std::to_string(line) + ": " + reason;
  }

  [[noreturn]] void fail(int64_t line, const std::string& reason, int64_t offset = -1) const {
    if (offset < 0) offset = line <= 1 ? 0 : static_cast<int64_t>(batches_.offset());
    const auto size = static_cast<int64_t>(reader_.position());  // a newline may stand beyond
    throw FormatError(reader_.path(), line, std::min(offset, size), reason);
  }

  ByteReader& reader_;
  ByteBudget& budget_;
  ReadOptions options_;
  LineBatches batches_;
  WordVectors table_;
  int64_t line_ = 0;  // lines read
};

}  // namespace

WordVectors read_word2vec_text(ByteReader& reader, ByteBudget& budget,
                               const ReadOptions& options) {
  return TextReader(reader, budget, options).read();
}

}  // namespace embkit
