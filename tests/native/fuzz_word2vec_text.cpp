#include "tests/native/fuzz_words.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return embkit::fuzz::run_words(&embkit::read_word2vec_text, data, size,
                                 embkit::format_text_rows);
}
