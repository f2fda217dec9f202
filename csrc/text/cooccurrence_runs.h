#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/types.h"
#include "text/cooccurrence_row.h"

namespace embkit {

// Sorted runs in one file: of each run, the entries of each block of rows lie together.
class CooccurrenceRuns {
 public:
  // A row's header (id and number of entries), or one of its entries (column and sum).
  struct Record {
    WordId id;
    uint32_t low;
    uint32_t high;
    uint64_t number() const { return uint64_t{high} << 32 | low; }
  };
  struct Segment {  // of the file, in records
    int64_t begin;
    int64_t end;
  };

  CooccurrenceRuns(int file, const std::string& folder, size_t num_blocks)
      : file_(file), folder_(folder), num_blocks_(num_blocks) {}

  // The calls of write() that follow are of a new run, each with another block. Thread-safe.
  void begin_run() { segments_.resize(segments_.size() + num_blocks_); }
  void write(size_t block_index, Index first_row, const CooccurrenceBlock& block);

  size_t num_runs() const { return num_blocks_ == 0 ? 0 : segments_.size() / num_blocks_; }
  Segment segment(size_t run, size_t block) const {
    return segments_[run * num_blocks_ + block];
  }
  void read(int64_t begin, std::vector<Record>& records) const;

 private:
  int file_;
  const std::string& folder_;
  size_t num_blocks_;
  std::vector<Segment> segments_;
  std::atomic<int64_t> end_{0};
};

// Reads one block of one run, a row at a time.
class CooccurrenceRunReader {
 public:
  CooccurrenceRunReader(const CooccurrenceRuns& runs, size_t run, Index buffer_records)
      : runs_(runs), run_(run), buffer_records_(buffer_records) {}

  void open(size_t block);

  // Adds the entries of `row` if the block has any; rows are asked for in rising order.
  template <bool kChecked>
  void add_row(Index row, CooccurrenceRow& sums);

 private:
  bool has_next() const { return next_ < records_.size() || begin_ < end_; }
  const CooccurrenceRuns::Record& peek();

  const CooccurrenceRuns& runs_;
  size_t run_;
  Index buffer_records_;
  int64_t begin_ = 0;  // of what is not yet read
  int64_t end_ = 0;
  std::vector<CooccurrenceRuns::Record> records_;
  size_t next_ = 0;
};

}  // namespace embkit
