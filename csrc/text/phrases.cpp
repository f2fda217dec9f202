#include "text/phrases.h"

#include <algorithm>
#include <stdexcept>

#include "core/random.h"
#include "text/separators.h"
#include "text/vocabulary.h"

namespace embkit {
namespace {

void split(std::string_view line, std::vector<std::string_view>& tokens) {
  tokens.clear();
  size_t begin = 0;
  for (size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && !is_separator(line[i])) continue;
    if (i > begin) tokens.push_back(line.substr(begin, i - begin));
    begin = i + 1;
  }
}

// Whether each unit is joined with the one before it.
std::vector<bool> choose_greedily(const PairTable& pairs, const std::vector<Unit>& units) {
  std::vector<bool> joins(units.size());
  for (size_t i = 1; i < units.size(); ++i) {
    joins[i] = !joins[i - 1] && pairs.find(units[i - 1].id, units[i].id) != nullptr;
  }
  return joins;
}

// By dynamic programming: best[i] is the greatest sum over the first i units.
std::vector<bool> choose_best(const PairTable& pairs, const std::vector<Unit>& units) {
  std::vector<double> best(units.size() + 1);
  std::vector<bool> gains(units.size() + 1);
  for (size_t i = 2; i <= units.size(); ++i) {
    best[i] = best[i - 1];
    const PairTable::Pair* pair = pairs.find(units[i - 2].id, units[i - 1].id);
    if (pair == nullptr || best[i - 2] + pair->score <= best[i]) continue;
    best[i] = best[i - 2] + pair->score;
    gains[i] = true;
  }
  std::vector<bool> joins(units.size());
  for (size_t i = units.size(); i >= 2; --i) {
    if (!gains[i]) continue;
    joins[i - 1] = true;
    --i;
  }
  return joins;
}

}  // namespace

PairTable::PairTable(const std::vector<Pair>& pairs) : pairs_(pairs) {
  size_t num_slots = 16;
  while (num_slots < 2 * pairs.size()) num_slots *= 2;
  mask_ = num_slots - 1;
  slots_.resize(num_slots);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const size_t slot = slot_of(pairs[i].left, pairs[i].right);
    if (slots_[slot] != 0) throw std::invalid_argument("pairs must be given once each");
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

size_t PairTable::slot_of(WordId left, WordId right) const {
  size_t slot = mix64(uint64_t{left} << 32 | right) & mask_;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask_) {
    const Pair& pair = pairs_[slots_[slot] - 1];
    if (pair.left == left && pair.right == right) break;
  }
  return slot;
}

const PairTable::Pair* PairTable::find(WordId left, WordId right) const {
  const uint32_t place = slots_[slot_of(left, right)];
  return place == 0 ? nullptr : &pairs_[place - 1];
}

void join_pairs(const PairTable& pairs, Segmentation segmentation, std::vector<Unit>& units) {
  const std::vector<bool> joins = segmentation == Segmentation::kGreedy
                                      ? choose_greedily(pairs, units)
                                      : choose_best(pairs, units);
  size_t end = 0;
  for (size_t i = 0; i < units.size(); ++i) {
    if (joins[i]) {
      units[end - 1].id = pairs.find(units[i - 1].id, units[i].id)->joined;
    } else {
      units[end++] = units[i];
    }
  }
  units.resize(end);
}

std::vector<uint32_t> PhraseJoiner::segment(const std::vector<WordId>& ids) const {
  std::vector<Unit> units;
  for (size_t i = 0; i < ids.size(); ++i) units.push_back({ids[i], static_cast<uint32_t>(i)});
  for (const PairTable& pairs : passes_) join_pairs(pairs, segmentation_, units);
  std::vector<uint32_t> begins;
  for (const Unit& unit : units) begins.push_back(unit.first);
  return begins;
}

std::string PhraseJoiner::join(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + 1);
  std::vector<std::string_view> tokens;
  std::vector<WordId> ids;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    split(text.substr(begin, end - begin), tokens);
    ids.clear();
    for (const std::string_view token : tokens) {
      const int64_t row = words_.find(token);
      ids.push_back(row < 0 ? kDropped : static_cast<WordId>(row));
    }
    const std::vector<uint32_t> begins = segment(ids);
    size_t unit = 0;
    for (uint32_t i = 0; i < tokens.size(); ++i) {
      const bool is_first = unit < begins.size() && begins[unit] == i;
      unit += is_first;
      if (i > 0) out.append(is_first ? " " : delimiter_);
      out.append(tokens[i]);
    }
    out.push_back('\n');
    begin = end + 1;
  }
  return out;
}

}  // namespace embkit
