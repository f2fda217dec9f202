#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "io/word2vec_binary.h"
#include "io/word2vec_text.h"
#include "io/write_rows.h"
#include "tests/native/fuzz.h"

namespace embkit::fuzz {

constexpr uint64_t kMemory = uint64_t{1} << 20;  // larger blocks cost more than the reading

// Hands bytes out in pieces of at most `piece`, as a pipe would.
class PieceSource : public ByteSource {
 public:
  PieceSource(std::string_view bytes, size_t piece) : bytes_(bytes), piece_(piece) {}

  size_t read(char* out, size_t capacity) override {
    const size_t count = std::min({capacity, piece_, bytes_.size()});
    std::memcpy(out, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  size_t piece_;
};

// Small, so that small inputs cross the edges between buffers, and clearing them costs little.
constexpr size_t kBuffer = 64, kBatch = 128;

inline void check_table(const WordVectors& table) {
  EMBKIT_PROMISE(table.offsets.front() == 0 && table.offsets.back() == table.words.size());
  EMBKIT_PROMISE(std::is_sorted(table.offsets.begin(), table.offsets.end()));
}

using WordReader = WordVectors (*)(ByteReader&, ByteBudget&, const ReadOptions&);

inline WordVectors read_all(WordReader read, ByteBudget& budget, std::string_view bytes,
                            size_t piece, bool knows_size, const ReadOptions& options) {
  PieceSource source(bytes, piece);
  ByteReader reader(source, "input",
                    knows_size ? static_cast<int64_t>(bytes.size()) : ByteReader::kUnknownSize,
                    kBuffer);
  return read(reader, budget, options);
}

inline RowsView view_of(WordVectors& table) {
  return {reinterpret_cast<const uint8_t*>(table.words.data()), table.offsets.data(),
          table.vectors.data(), table.num_words(), table.dim};
}

// What was read and written again must read as the same words and the same floats.
template <typename Write>
void check_round_trip(WordReader read, WordVectors& table, const Write& write) {
  const RowsView rows = view_of(table);
  std::string again = std::to_string(rows.num_rows) + " " + std::to_string(rows.dim) + "\n";
  try {
    again += write(rows);
  } catch (const std::invalid_argument&) {
    return;  // a word that this format cannot hold
  }
  ByteBudget budget(kMemory);
  WordVectors copy = read_all(read, budget, again, again.size(), true, {});
  EMBKIT_PROMISE(copy.words == table.words && copy.offsets == table.offsets);
  EMBKIT_PROMISE(copy.dim == table.dim);
  EMBKIT_PROMISE(std::memcmp(copy.vectors.data(), table.vectors.data(),
                             rows.num_rows * rows.dim * sizeof(float)) == 0);
}

template <typename Write>
int run_words(WordReader read, const uint8_t* data, size_t size, const Write& write) {
  if (size == 0) return 0;
  Choices choices(data[0]);
  const bool lenient = choices.next(), trickles = choices.next();
  const int64_t limit = choices.next() ? 2 : -1;
  const bool knows_size = !choices.next();
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  ByteBudget budget(kMemory);
  try {
    WordVectors table = read_all(read, budget, bytes, trickles ? 3 : bytes.size() + 1,
                                 knows_size, {lenient, limit, 1, kBatch});
    check_table(table);
    const uint64_t cells = table.num_words() * table.dim;
    EMBKIT_PROMISE(table.vectors.size() == cells);
    const float* const floats = table.vectors.data();
    EMBKIT_PROMISE(
        std::all_of(floats, floats + cells, [](float x) { return std::isfinite(x); }));
    if (table.num_words() > 0) check_round_trip(read, table, write);
  } catch (const FormatError& error) {
    check_error(error, bytes.size());
  } catch (const ResourceError&) {
  }
  return 0;
}

}  // namespace embkit::fuzz
