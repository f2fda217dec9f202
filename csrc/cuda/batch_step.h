#pragma once

#include <cstdint>

#include "cuda/kept_stream.h"
#include "cuda/targets.h"
#include "cuda/train_step.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

// One batch of the deterministic trainer. Every position finds what its centre's step gives to
// each row, from the rows as they are before the batch; these gains are sorted by row, and a
// row gets the sum of its own in the order of positions.
namespace embkit::cuda {

constexpr uint32_t kNoRow = ~uint32_t{0};  // the key of a gain that is not used

// Device memory of a batch of `size` positions, which give `num_gains` each.
struct BatchStorage {
  int num_gains;
  float* gains;        // [size][num_gains][stride]
  float* spare;        // [size][spare_floats]
  uint32_t* keys;      // [size][num_gains]: an input row, or num_words + an output row
  Counters* counters;  // [size]
};

EMBKIT_HOST_DEVICE inline int num_gains(const TrainTask& task) {
  return 2 * task.window + 1 + task.negatives;
}

struct BatchStepStorage {
  KeptStorage kept;
  StepStorage step;
  uint32_t inputs[kMaxContexts];  // the words of contexts, then distinct ones
  uint32_t outputs[kMaxTargets];
};

// The step of one position by one warp, on copies of its rows.
template <typename Warp, bool kIsCbow>
class BatchStep {
 public:
  EMBKIT_HOST_DEVICE BatchStep(Warp& warp, const TrainTask& task, BatchStepStorage& storage,
                               const BatchStorage& batch, Index place)
      : warp_(warp),
        task_(task),
        storage_(storage),
        keys_(batch.keys + place * batch.num_gains),
        gains_(batch.gains + place * batch.num_gains * task.stride),
        spare_(batch.spare + place * spare_floats(task, kIsCbow)),
        counters_(batch.counters[place]) {}

  EMBKIT_HOST_DEVICE void run(Index position) {
    for (int i = warp_.lane(); i < num_gains(task_); i += kWarpSize) keys_[i] = kNoRow;
    const double normalizer = task_.counters->log_normalizer;
    if (warp_.lane() == 0) {
      counters_ = {};
      counters_.log_normalizer = normalizer;
      counters_.tokens = 1;
    }
    warp_.sync();
    KeptStream<Warp> stream(task_, storage_.kept);
    const int center = stream.start(warp_, position, position + 1);
    stream.fill(warp_, center + task_.window + 1);
    if (stream.is_center(center)) train(stream, center, position);
    warp_.sync();
    if (warp_.lane() == 0) counters_.log_normalizer -= normalizer;
  }

 private:
  EMBKIT_HOST_DEVICE void train(const KeptStream<Warp>& stream, int center, Index position) {
    const uint32_t contexts = find_contexts(warp_, task_, stream, center, 0, stream.size());
    if (contexts == 0) return;
    const int num_contexts = count_bits(contexts);
    if ((contexts >> warp_.lane() & 1) != 0) {
      storage_.inputs[count_bits(contexts & bits_below(warp_.lane()))] =
          stream.word(center - task_.window + warp_.lane());
    }
    const int num_targets = find_targets(warp_, task_, stream.word(center),
                                         stream.state(center), kFirstDraw, storage_.step);
    for (int i = warp_.lane(); i < num_targets; i += kWarpSize) {
      storage_.outputs[i] = storage_.step.targets[i];
    }
    warp_.sync();
    // Copies of the input rows come first, then those of the output rows.
    const int num_inputs =
        take(task_.input, storage_.inputs, num_contexts, 0, 0, storage_.step.contexts);
    const int num_outputs = take(task_.output, storage_.outputs, num_targets, num_inputs,
                                 task_.num_words, storage_.step.targets);
    warp_.sync();
    train_copies(num_contexts, num_targets, num_inputs, position,
                 is_measured(task_, stream.state(center)));
    warp_.sync();
    keep_gains(num_inputs, num_outputs);
  }

  EMBKIT_HOST_DEVICE float* copy(int i) const { return gains_ + int64_t{i} * task_.stride; }

  // Copies the distinct rows of `words` to the places from `first` on, and lists for each word
  // which of them it is. Returns how many there are.
  template <typename Number>
  EMBKIT_HOST_DEVICE int take(const float* matrix, const uint32_t* words, int count, int first,
                              uint32_t first_key, Number* places) {
    int distinct = 0;
    for (int i = 0; i < count; ++i) {
      int same = 0;  // the first place that has this word
      while (same < distinct && keys_[first + same] != first_key + words[i]) ++same;
      warp_.sync();  // all have read the keys
      if (warp_.lane() == 0) {
        keys_[first + same] = first_key + words[i];
        places[i] = static_cast<Number>(same);
      }
      warp_.sync();
      if (same < distinct) continue;
      ++distinct;
      const float* const row = matrix + int64_t{words[i]} * task_.stride;
      for_columns<0>(warp_.lane(), task_.stride, [&](int, int column) {
        at(copy(first + same), column) = warp_.load(row + column);
      });
    }
    return distinct;
  }

  // Trains the copies as if they were the model.
  EMBKIT_HOST_DEVICE void train_copies(int num_contexts, int num_targets, int num_inputs,
                                       Index position, bool is_measured) {
    TrainTask local = task_;
    local.output = copy(num_inputs);
    local.counters = &counters_;
    local.updates = Updates::kStores;  // no other warp knows these rows
    TrainStep<Warp, 0> step(warp_, local, storage_.step, spare_);
    Tally tally;
    const typename TrainStep<Warp, 0>::Pass pass{num_contexts, 0, num_targets,
                                                 learning_rate(task_, position), is_measured};
    const auto row = [&](int slot) { return copy(slot); };
    if constexpr (kIsCbow) {
      step.train_cbow(pass, row, tally);
    } else {
      step.train_window(pass, row, tally);
    }
    const float loss = sum_lanes(warp_, tally.loss);
    if (warp_.lane() != 0) return;
    counters_.log_normalizer = step.normalizer();
    counters_.loss = double{loss};
    counters_.measured_pairs = tally.measured_pairs;
    counters_.pairs = tally.pairs;
    counters_.centers = 1;
  }

  // Turns the trained copies into what they have gained.
  EMBKIT_HOST_DEVICE void keep_gains(int num_inputs, int num_outputs) {
    for (int i = 0; i < num_inputs + num_outputs; ++i) {
      const uint32_t key = keys_[i];
      const float* const row =
          i < num_inputs ? task_.input + int64_t{key} * task_.stride
                         : task_.output + int64_t{key - task_.num_words} * task_.stride;
      for_columns<0>(warp_.lane(), task_.stride, [&](int, int column) {
        at(copy(i), column) = at(copy(i), column) - warp_.load(row + column);
      });
    }
  }

  EMBKIT_HOST_DEVICE static Float4& at(float* row, int column) {
    return *reinterpret_cast<Float4*>(row + column);
  }

  Warp& warp_;
  const TrainTask& task_;
  BatchStepStorage& storage_;
  uint32_t* keys_;
  float* gains_;
  float* spare_;
  Counters& counters_;
};

// The sum of the gains that stand from `first` on in the order of keys, for one row: the warp
// that has its first gain adds them all, one after the other.
template <typename Warp>
EMBKIT_HOST_DEVICE void apply_gains(Warp& warp, const TrainTask& task, const float* gains,
                                    const uint32_t* sorted_keys, const uint32_t* sorted_gains,
                                    int64_t count, int64_t first) {
  const uint32_t key = sorted_keys[first];
  if (key == kNoRow || (first > 0 && sorted_keys[first - 1] == key)) return;
  float* const row = key < task.num_words
                         ? task.input + int64_t{key} * task.stride
                         : task.output + int64_t{key - task.num_words} * task.stride;
  for_columns<0>(warp.lane(), task.stride, [&](int, int column) {
    Float4 sum{0, 0, 0, 0};
    for (int64_t i = first; i < count && sorted_keys[i] == key; ++i) {
      sum = sum + *reinterpret_cast<const Float4*>(
                      gains + int64_t{sorted_gains[i]} * task.stride + column);
    }
    auto& mine = *reinterpret_cast<Float4*>(row + column);
    mine = mine + sum;
  });
}

// Adds up a batch's counters, by one warp, always in the same order. Log Z becomes the mean of
// the centres' copies (core/shared_mean.h).
template <typename Warp>
EMBKIT_HOST_DEVICE void add_counters(Warp& warp, const TrainTask& task,
                                     const Counters* counters, Index size) {
  Counters sum{};
  for (Index i = warp.lane(); i < size; i += kWarpSize) {
    sum.loss += counters[i].loss;
    sum.log_normalizer += counters[i].log_normalizer;
    sum.measured_pairs += counters[i].measured_pairs;
    sum.pairs += counters[i].pairs;
    sum.centers += counters[i].centers;
    sum.tokens += counters[i].tokens;
  }
  Counters& all = *task.counters;
  const double loss = sum_lanes(warp, sum.loss);
  const double normalizer = sum_lanes(warp, sum.log_normalizer);
  const uint64_t measured_pairs = sum_lanes(warp, sum.measured_pairs);
  const uint64_t pairs = sum_lanes(warp, sum.pairs);
  const uint64_t centers = sum_lanes(warp, sum.centers);
  const uint64_t tokens = sum_lanes(warp, sum.tokens);
  if (warp.lane() != 0) return;
  all.loss += loss;
  if (centers > 0) all.log_normalizer += normalizer / static_cast<double>(centers);
  all.measured_pairs += measured_pairs;
  all.pairs += pairs;
  all.centers += centers;
  all.tokens += tokens;
}

}  // namespace embkit::cuda
