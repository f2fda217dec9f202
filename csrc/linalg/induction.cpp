#include "linalg/induction.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "linalg/ranges.h"

namespace embkit {
namespace {

constexpr Index kChunk = 16;  // similarities screened at a time
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What a chunk of similarities is compared with, kChunk of each.
struct Screen {
  const float* values;
  const float* levels;  // of the targets
  const float* least;
  const float* bars;
};

// Tells whether any similarity of a chunk changes anything, in a loop that compilers vectorise.
bool is_any_above(const Screen& screen, float row_least, float row_bar, float source_level) {
  int any = 0;
  for (Index i = 0; i < kChunk; ++i) {
    const float value = screen.values[i];
    any |= (value > row_least) | (value - screen.levels[i] >= row_bar) |
           (value > screen.least[i]) | (value - source_level >= screen.bars[i]);
  }
  return any != 0;
}

}  // namespace

InductionPass::Sightings::Sightings(Index num_words, Index width)
    : neighborhood(width),
      highest(static_cast<size_t>(num_words * width), -kInfinity),
      least(static_cast<size_t>(num_words), -kInfinity),
      best(static_cast<size_t>(num_words), Best{-kInfinity, -1}),
      bars(static_cast<size_t>(num_words), -kInfinity) {}

void InductionPass::Sightings::see(Index word, float similarity) {
  float* row = highest.data() + word * neighborhood;
  float* end = row + neighborhood;
  *std::min_element(row, end) = similarity;
  least[static_cast<size_t>(word)] = *std::min_element(row, end);
}

InductionPass::InductionPass(const InductionOptions& options, std::vector<float> source_levels,
                             std::vector<float> target_levels)
    : options_(options),
      random_(options.seed, options.pass),
      source_levels_(std::move(source_levels)),
      target_levels_(std::move(target_levels)) {
  sources_.emplace_back(options.num_sources, options.neighborhood);
  for (int thread = 0; thread < options.num_threads; ++thread) {
    targets_.emplace_back(options.num_targets, options.neighborhood);
  }
}

bool InductionPass::is_kept(Index source, Index target) const {
  if (options_.keep_probability >= 1) return true;
  const uint64_t pair = static_cast<uint64_t>(source) << 32 | static_cast<uint64_t>(target);
  return static_cast<double>(uniform(random_.at(pair))) < options_.keep_probability;
}

void InductionPass::offer(Sightings& side, Index word, Index partner, float score) const {
  Best& best = side.best[static_cast<size_t>(word)];
  if (score < best.score || (score == best.score && partner > best.word)) return;
  best = Best{score, partner};
  side.bars[static_cast<size_t>(word)] = score;
}

// The draw of a pair is looked at only where its score would win, which is rare: dropping
// costs next to nothing.
void InductionPass::update_row(const SimilarityTile& tile, Index row, Sightings& targets) {
  const Index source = tile.first_source + row;
  Sightings& sources = sources_.front();
  const float source_level = source_levels_[static_cast<size_t>(source)];
  const float& least = sources.least[static_cast<size_t>(source)];
  const float& bar = sources.bars[static_cast<size_t>(source)];
  for (Index first = 0; first < tile.num_targets; first += kChunk) {
    const Index count = std::min(kChunk, tile.num_targets - first);
    const Index base = tile.first_target + first;
    const float* values = tile.similarities + row * tile.num_targets + first;
    const float* levels = target_levels_.data() + base;
    const float* target_least = targets.least.data() + base;
    const float* target_bars = targets.bars.data() + base;
    if (count == kChunk &&
        !is_any_above({values, levels, target_least, target_bars}, least, bar, source_level)) {
      continue;
    }
    for (Index i = 0; i < count; ++i) {
      const float value = values[i];
      const Index target = base + i;
      if (value > least) sources.see(source, value);
      if (value > target_least[i]) targets.see(target, value);
      const bool forward = value - levels[i] >= bar;
      const bool backward = value - source_level >= target_bars[i];
      if (!(forward || backward) || !is_kept(source, target)) continue;
      if (forward) offer(sources, source, target, value - levels[i]);
      if (backward) offer(targets, target, source, value - source_level);
    }
  }
}

void InductionPass::update(const SimilarityTile& tile) {
  const Index parts = std::min<Index>(options_.num_threads, tile.num_sources);
  run_ranges(parts, static_cast<int>(parts), [&](Index begin, Index end) {
    for (Index part = begin; part < end; ++part) {
      const Index last = tile.num_sources * (part + 1) / parts;
      for (Index row = tile.num_sources * part / parts; row < last; ++row) {
        update_row(tile, row, targets_[static_cast<size_t>(part)]);
      }
    }
  });
}

InductionSide InductionPass::summary(const std::vector<Sightings>& parts,
                                     Index num_words) const {
  InductionSide side;
  const Index width = options_.neighborhood;
  std::vector<float> highest;
  for (Index word = 0; word < num_words; ++word) {
    highest.clear();
    Best best{-kInfinity, -1};
    for (const Sightings& part : parts) {
      const float* row = part.highest.data() + word * width;
      highest.insert(highest.end(), row, row + width);
      const Best& other = part.best[static_cast<size_t>(word)];
      const bool is_tie = other.score == best.score && other.word >= 0;
      if (other.score > best.score || (is_tie && other.word < best.word)) best = other;
    }
    std::sort(highest.begin(), highest.end(), [](float a, float b) { return a > b; });
    double sum = 0;
    for (Index i = 0; i < width; ++i)
      sum += static_cast<double>(highest[static_cast<size_t>(i)]);
    side.best.push_back(static_cast<int64_t>(best.word));
    side.strongest.push_back(highest.front());
    side.means.push_back(static_cast<float>(sum / static_cast<double>(width)));
  }
  return side;
}

InductionSide InductionPass::sources() const { return summary(sources_, options_.num_sources); }

InductionSide InductionPass::targets() const { return summary(targets_, options_.num_targets); }

}  // namespace embkit
