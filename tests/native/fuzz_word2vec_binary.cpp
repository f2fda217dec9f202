#include "tests/native/fuzz_words.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto write = [](const embkit::RowsView& rows) {
    return embkit::pack_binary_rows(rows, true);
  };
  return embkit::fuzz::run_words(&embkit::read_word2vec_binary, data, size, write);
}
