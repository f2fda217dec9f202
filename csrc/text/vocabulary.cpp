#include "text/vocabulary.h"

#include <algorithm>
#include <numeric>

namespace embkit {
namespace {

constexpr size_t kPollEvery = size_t{1} << 20;  // words

// Adds the words of `part` to `whole`; the id in `whole` of each id of `part`.
std::vector<WordId> join(const WordTable& part, WordTable& whole,
                         const std::function<void()>& keep_going) {
  std::vector<WordId> joined(part.num_words());
  for (size_t id = 0; id < joined.size(); ++id) {
    if (id % kPollEvery == 0) keep_going();
    joined[id] = whole.find_or_add(part.word(static_cast<WordId>(id)));
    whole.count(joined[id]) += part.count(static_cast<WordId>(id));
  }
  return joined;
}

auto row_order(const WordTable& table) {
  return [&table](WordId a, WordId b) {
    const int64_t count_a = table.count(a), count_b = table.count(b);
    return count_a != count_b ? count_a > count_b : table.word(a) < table.word(b);
  };
}

std::vector<WordId> kept_ids(const WordTable& table, int64_t min_count, size_t max_words) {
  std::vector<WordId> ids;
  for (size_t id = 0; id < table.num_words(); ++id) {
    const auto word = static_cast<WordId>(id);
    if (table.count(word) >= min_count) ids.push_back(word);
  }
  if (ids.size() > max_words) {
    const auto cut = ids.begin() + static_cast<std::ptrdiff_t>(max_words);
    std::nth_element(ids.begin(), cut, ids.end(), row_order(table));
    ids.erase(cut, ids.end());
  }
  std::sort(ids.begin(), ids.end(), row_order(table));
  return ids;
}

}  // namespace

Vocabulary select_words(std::vector<WordTable>& tables, int64_t min_count, int64_t max_words,
                        const std::function<void()>& keep_going) {
  WordTable whole = std::move(tables[0]);
  Vocabulary vocabulary;
  vocabulary.row_of_id.resize(tables.size());
  for (size_t t = 1; t < tables.size(); ++t) {
    vocabulary.row_of_id[t] = join(tables[t], whole, keep_going);
    tables[t] = WordTable(whole.key());
  }

  const std::vector<WordId> kept = kept_ids(whole, min_count, static_cast<size_t>(max_words));
  std::vector<WordId> rows(whole.num_words(), kDropped);
  vocabulary.offsets.reserve(kept.size() + 1);
  vocabulary.counts.reserve(kept.size());
  vocabulary.offsets.push_back(0);
  for (const WordId id : kept) {
    rows[id] = static_cast<WordId>(vocabulary.counts.size());
    const std::string_view word = whole.word(id);
    vocabulary.data.insert(vocabulary.data.end(), word.begin(), word.end());
    vocabulary.offsets.push_back(vocabulary.data.size());
    vocabulary.counts.push_back(whole.count(id));
  }

  for (std::vector<WordId>& row_of_id : vocabulary.row_of_id) {
    for (WordId& id : row_of_id) id = rows[id];
  }
  vocabulary.row_of_id[0] = std::move(rows);
  vocabulary.num_types = static_cast<int64_t>(whole.num_words());
  tables[0] = std::move(whole);
  return vocabulary;
}

std::vector<std::pair<std::string, int64_t>> top_words(const WordTable& table,
                                                       size_t num_words) {
  std::vector<WordId> ids(table.num_words());
  std::iota(ids.begin(), ids.end(), WordId{0});
  const size_t count = std::min(num_words, ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(),
                    row_order(table));
  std::vector<std::pair<std::string, int64_t>> top;
  for (size_t i = 0; i < count; ++i) {
    top.emplace_back(std::string(table.word(ids[i])), table.count(ids[i]));
  }
  return top;
}

}  // namespace embkit
