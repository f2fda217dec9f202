#include "text/cooccurrence_runs.h"

#include <algorithm>

#include "io/descriptor.h"

namespace embkit {
namespace {

using Record = CooccurrenceRuns::Record;
constexpr size_t kWrittenAtOnce = 4096;  // records

Record make_record(WordId id, uint64_t number) {
  return {id, static_cast<uint32_t>(number), static_cast<uint32_t>(number >> 32)};
}

}  // namespace

void CooccurrenceRuns::write(size_t block_index, Index first_row,
                             const CooccurrenceBlock& block) {
  const auto num_rows = static_cast<size_t>(
      std::count_if(block.row_sizes.begin(), block.row_sizes.end(), [](auto n) { return n; }));
  const auto size = static_cast<int64_t>(num_rows + block.columns.size());
  int64_t place = end_.fetch_add(size);
  segments_[segments_.size() - num_blocks_ + block_index] = {place, place + size};

  std::vector<Record> records;
  records.reserve(kWrittenAtOnce);
  const auto flush = [&] {
    write_at(file_, records.data(), records.size() * sizeof(Record),
             place * static_cast<int64_t>(sizeof(Record)), folder_);
    place += static_cast<int64_t>(records.size());
    records.clear();
  };
  const auto append = [&](const Record& record) {
    if (records.size() == kWrittenAtOnce) flush();
    records.push_back(record);
  };
  size_t entry = 0;
  for (size_t i = 0; i < block.row_sizes.size(); ++i) {
    if (block.row_sizes[i] == 0) continue;
    append(make_record(static_cast<WordId>(first_row) + static_cast<WordId>(i),
                       block.row_sizes[i]));
    for (const size_t end = entry + block.row_sizes[i]; entry < end; ++entry) {
      append(make_record(block.columns[entry], block.sums[entry]));
    }
  }
  flush();
}

void CooccurrenceRuns::read(int64_t begin, std::vector<Record>& records) const {
  read_at(file_, records.data(), records.size() * sizeof(Record),
          begin * static_cast<int64_t>(sizeof(Record)), folder_);
}

void CooccurrenceRunReader::open(size_t block) {
  const CooccurrenceRuns::Segment segment = runs_.segment(run_, block);
  begin_ = segment.begin;
  end_ = segment.end;
  records_.clear();
  next_ = 0;
}

const Record& CooccurrenceRunReader::peek() {
  if (next_ == records_.size()) {
    records_.resize(static_cast<size_t>(std::min(buffer_records_, end_ - begin_)));
    runs_.read(begin_, records_);
    begin_ += static_cast<int64_t>(records_.size());
    next_ = 0;
  }
  return records_[next_];
}

template <bool kChecked>
void CooccurrenceRunReader::add_row(Index row, CooccurrenceRow& sums) {
  if (!has_next() || peek().id != static_cast<WordId>(row)) return;
  const uint64_t size = peek().number();
  ++next_;
  for (uint64_t i = 0; i < size; ++i, ++next_) {
    const Record& entry = peek();
    const uint64_t sum = entry.number();
    sums.add<kChecked>(&entry.id, &sum, 1);
  }
}

template void CooccurrenceRunReader::add_row<false>(Index, CooccurrenceRow&);
template void CooccurrenceRunReader::add_row<true>(Index, CooccurrenceRow&);

}  // namespace embkit
