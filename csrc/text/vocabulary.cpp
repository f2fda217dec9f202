#include "text/vocabulary.h"

#include <algorithm>

namespace embkit {
namespace {

constexpr size_t kPollEvery = size_t{1} << 20;  // words

// Adds the words of `part` to `whole`; the id in `whole` of each id of `part`.
std::vector<WordId> join(const WordTable& part, WordTable& whole,
                         const std::function<void()>& keep_going) {
  const std::vector<int64_t> counts = part.counts();
  std::vector<WordId> joined(counts.size());
  for (size_t id = 0; id < joined.size(); ++id) {
    if (id % kPollEvery == 0) keep_going();
    const std::string_view word = part.word(static_cast<WordId>(id));
    joined[id] = whole.add(hash_word(whole.key(), word), counts[id]);
  }
  return joined;
}

struct CountedWord {
  WordId id;
  int64_t count;
};

auto row_order(const WordTable& table) {
  return [&table](const CountedWord& a, const CountedWord& b) {
    return a.count != b.count ? a.count > b.count : table.word(a.id) < table.word(b.id);
  };
}

// The words counted often enough, in row order.
std::vector<CountedWord> keep(const WordTable& table, int64_t min_count, size_t max_words) {
  const std::vector<int64_t> counts = table.counts();
  std::vector<CountedWord> kept;
  for (size_t id = 0; id < counts.size(); ++id) {
    if (counts[id] >= min_count) kept.push_back({static_cast<WordId>(id), counts[id]});
  }
  if (kept.size() > max_words) {
    const auto cut = kept.begin() + static_cast<std::ptrdiff_t>(max_words);
    std::nth_element(kept.begin(), cut, kept.end(), row_order(table));
    kept.erase(cut, kept.end());
  }
  std::sort(kept.begin(), kept.end(), row_order(table));
  return kept;
}

// Joins all tables, which are then empty; notes the ids in the whole.
WordTable join_all(std::vector<WordTable>& tables, Vocabulary& vocabulary,
                   const std::function<void()>& keep_going) {
  WordTable whole = std::move(tables[0]);
  vocabulary.row_of_id.resize(tables.size());
  for (size_t t = 1; t < tables.size(); ++t) {
    vocabulary.row_of_id[t] = join(tables[t], whole, keep_going);
    tables[t] = WordTable(whole.key());
  }
  vocabulary.num_types = static_cast<int64_t>(whole.num_words());
  return whole;
}

// Turns ids in the whole into rows; `tables` gets the whole back.
void give_rows(std::vector<WordId>&& rows, Vocabulary& vocabulary, WordTable&& whole,
               std::vector<WordTable>& tables) {
  for (std::vector<WordId>& row_of_id : vocabulary.row_of_id) {
    for (WordId& id : row_of_id) id = rows[id];
  }
  vocabulary.row_of_id[0] = std::move(rows);
  tables[0] = std::move(whole);
}

}  // namespace

Vocabulary select_words(std::vector<WordTable>& tables, int64_t min_count, int64_t max_words,
                        const std::function<void()>& keep_going) {
  Vocabulary vocabulary;
  WordTable whole = join_all(tables, vocabulary, keep_going);
  const std::vector<CountedWord> kept = keep(whole, min_count, static_cast<size_t>(max_words));
  std::vector<WordId> rows(whole.num_words(), kDropped);
  vocabulary.offsets.reserve(kept.size() + 1);
  vocabulary.counts.reserve(kept.size());
  vocabulary.offsets.push_back(0);
  for (const CountedWord& word : kept) {
    rows[word.id] = static_cast<WordId>(vocabulary.counts.size());
    const std::string_view bytes = whole.word(word.id);
    vocabulary.data.insert(vocabulary.data.end(), bytes.begin(), bytes.end());
    vocabulary.offsets.push_back(vocabulary.data.size());
    vocabulary.counts.push_back(word.count);
  }

  give_rows(std::move(rows), vocabulary, std::move(whole), tables);
  return vocabulary;
}

Vocabulary match_words(std::vector<WordTable>& tables, const WordIndex& words,
                       const std::function<void()>& keep_going) {
  Vocabulary vocabulary;
  WordTable whole = join_all(tables, vocabulary, keep_going);
  const std::vector<int64_t> counts = whole.counts();
  std::vector<WordId> rows(counts.size(), kDropped);
  vocabulary.counts.resize(words.size());
  for (size_t id = 0; id < rows.size(); ++id) {
    const int64_t row = words.find(whole.word(static_cast<WordId>(id)));
    if (row < 0) continue;
    rows[id] = static_cast<WordId>(row);
    vocabulary.counts[static_cast<size_t>(row)] = counts[id];
  }
  give_rows(std::move(rows), vocabulary, std::move(whole), tables);
  return vocabulary;
}

std::vector<std::pair<std::string, int64_t>> top_words(const WordTable& table,
                                                       size_t num_words) {
  std::vector<std::pair<std::string, int64_t>> top;
  for (const CountedWord& word : keep(table, 1, num_words)) {
    top.emplace_back(std::string(table.word(word.id)), word.count);
  }
  return top;
}

}  // namespace embkit
