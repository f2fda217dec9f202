#include <vector>

#include "io/fasttext.h"
#include "tests/native/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace embkit;
  try {
    const FastTextModel model = read_fasttext("input", {data, size});
    EMBKIT_PROMISE(model.word_offsets.size() == model.counts.size() + 1);
    EMBKIT_PROMISE(model.word_offsets.back() == model.words.size());
    std::vector<int64_t> rows;
    model.subwords.append_rows(
        "stra\xC3\x9F"
        "e",
        rows);
    for (const int64_t row : rows) {
      EMBKIT_PROMISE(row >= 0 && row < model.input_rows - model.num_words());
    }
    const auto cells =
        static_cast<uint64_t>(model.num_words()) * static_cast<uint64_t>(model.dim);
    EMBKIT_PROMISE(cells <= size);  // each word has a row in the file
    std::vector<float> vectors(cells);
    compute_fasttext_vectors("input", model, {data, size}, model.num_words(), vectors.data(), 1,
                             false, [] { return true; });
  } catch (const FormatError& error) {
    fuzz::check_error(error, size);
  } catch (const ResourceError&) {
  }
  return 0;
}
