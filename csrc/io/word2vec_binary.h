#pragma once

#include "io/byte_source.h"
#include "io/word_vectors.h"

namespace embkit {

// Reads word2vec binary: a line "rows dim", then for each row the word, one blank and `dim`
// little-endian float32. A word ends at its first blank. A newline behind each row (word2vec.c)
// or behind none (gensim) is told by the first row and then demanded of all.
//
// Throws FormatError with row and byte; ResourceError where the budget does not suffice.
WordVectors read_word2vec_binary(ByteReader& reader, ByteBudget& budget,
                                 const ReadOptions& options);

}  // namespace embkit
