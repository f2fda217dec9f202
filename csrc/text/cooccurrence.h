#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/types.h"
#include "text/kept_tokens.h"

namespace embkit {

// What to count and how much to hold at once. Weights are whole numbers of the unit 2^-32, so
// that sums do not depend on any order.
struct CooccurrenceOptions {
  std::vector<uint64_t> before;      // weights of the words 1, 2, ... places before the centre
  std::vector<uint64_t> after;       // and after it; either may be empty
  std::vector<WordId> row_of;        // row of each id, kDropped leaves its place empty
  std::vector<uint32_t> keep_below;  // as KeptTokens has it
  bool keeps_places;                 // a token that is not kept leaves its place empty
  Index num_rows;
  uint64_t seed;
  int num_threads;
  Index chunk_tokens;   // indexed at once; more tokens are counted in runs, which are merged
  Index piece_tokens;   // that a worker reads at once
  Index block_entries;  // that a worker writes at once, if a row has no more
  Index run_records;    // of each run that a merging worker reads at once
};

// Open files, which the caller owns. Entries are appended from the given places on.
struct CooccurrenceFiles {
  int values;  // gets double [num_entries]
  int64_t values_begin;
  int columns;  // gets int32 [num_entries]
  int64_t columns_begin;
  int runs;  // of no use afterwards
  // For messages: the file of the values, and where the other two are.
  std::string values_name;
  std::string folder;
};

// Counts, for each centre word (row) and each word in its window (column), the sum of the
// window's weights; writes rows in order with their columns rising, and returns where each row
// begins [num_rows + 1]. The result depends on the text, the rows, the weights and the seed
// alone.
//
// keep_going(done, total) runs about ten times a second on the calling thread and may throw.
// Throws
// std::invalid_argument for a text that is none, std::overflow_error for a sum of 2^31 or
// more, FileError if a file cannot be written.
std::vector<int64_t> count_cooccurrences(
    const EncodedText& text, const CooccurrenceOptions& options, const CooccurrenceFiles& files,
    const std::function<void(int64_t, int64_t)>& keep_going);

}  // namespace embkit
