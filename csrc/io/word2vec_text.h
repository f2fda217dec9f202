#pragma once

#include "io/byte_source.h"
#include "io/word_vectors.h"

namespace embkit {

// Reads one word and its numbers per line: word2vec text and fastText .vec, whose first line
// states rows and dim, and GloVe text, which has no such line (there the dim is that of most
// of the first lines). Numbers are counted from the right, so that a word may contain blanks.
// With a header every stated row must be there. Parses on options.threads threads.
//
// Throws FormatError with line and byte; ResourceError where the budget does not suffice.
WordVectors read_word2vec_text(ByteReader& reader, ByteBudget& budget,
                               const ReadOptions& options);

}  // namespace embkit
