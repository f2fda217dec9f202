#pragma once

#include <cstddef>
#include <cstdint>

#include "core/alias_table.h"
#include "core/types.h"

struct CUstream_st;  // the runtime's cudaStream_t is a pointer to it

// Skip-gram and CBOW with negative sampling or noise-contrastive estimation, on ids that lie on
// the device. This header needs no CUDA; so what calls it can be tested without: emulated.cpp
// has the same functions on the host, one emulated warp at a time.
namespace embkit::cuda {

using Stream = CUstream_st*;
using Status = int;  // a cudaError_t; 0 is success

constexpr int kMaxDim = 1024;
constexpr int kMaxWindow = 15;
constexpr int kMaxNegatives = 32;
constexpr int kMaxBlockNegatives = 128;
constexpr int kRowAlignment = 8;               // floats: rows begin on 32-byte sectors
constexpr uint32_t kSentenceStart = 1u << 31;  // set in the id of a sentence's first token

enum class Sharing { kWindow, kPair, kBlock };  // of noise words: as negative_sharing
enum class Updates { kAtomic, kStores };        // kStores: Hogwild, where updates may be lost

// Floats from one row of a matrix to the next.
constexpr int row_stride(int dim) {
  return (dim + kRowAlignment - 1) / kRowAlignment * kRowAlignment;
}

// What kernels count, on the device. The caller sets all to 0, and log_normalizer to its value,
// before the first launch.
struct Counters {
  double loss;            // of the measured pairs; not finite once a logit was not
  double log_normalizer;  // log Z of NCE; learnt where learn_normalizer
  uint64_t measured_pairs;
  uint64_t pairs;       // all that were trained (CBOW: centres with a context)
  uint64_t centers;     // kept tokens that had a context
  uint64_t tokens;      // positions that were gone through
  uint64_t next_chunk;  // the queue of one launch: launchers reset it
};

// One run over a range of positions. Owns nothing; all pointers are device memory.
struct TrainTask {
  // Text. Sentences that have a position of [begin, end) must lie whole within the ids, but for
  // what is farther from the range than the window reaches.
  const uint32_t* ids;  // [num_ids], marked by mark_sentences()
  Index ids_position;   // of ids[0] in the corpus
  Index num_ids;
  Index begin, end;  // the positions whose centres are trained
  Index num_tokens;  // of the whole corpus: sets the learning rate
  // Words.
  uint32_t num_words;
  const uint32_t* keep_below;  // [num_words]: 24-bit thresholds of subsampling
  const AliasSlot* noise;      // [num_words]
  const float* offsets;        // [num_words]: log(k Q(w)) - b(w) of NCE; null with NS
  // Model: rows of `stride` floats on 32-byte sectors, zeros from dim on.
  float* input;   // [num_words][stride]
  float* output;  // [num_words][stride]
  int dim;
  int stride;  // a multiple of kRowAlignment
  // Options.
  int window;
  bool dynamic_window;
  bool sum_contexts;  // CBOW: sum, or mean
  int negatives;
  bool keeps_center;      // NCE: noise equal to the centre counts; NS drops it
  bool learn_normalizer;  // NCE
  Sharing sharing;
  int block_size;       // positions that share noise words (kBlock)
  int block_negatives;  // noise words of a block (kBlock)
  Updates updates;
  double learning_rate;  // at the start of the run
  Index epoch, epochs;
  Index first_epoch;  // draws are those of first_epoch + epoch
  uint64_t seed;
  uint64_t loss_mask;     // a centre is measured when these bits of its window draw are 0
  int max_warps;          // most centres in flight; 0 for as many as the device holds
  uint32_t shared_words;  // words below this are frequent: rows written back after each centre
  bool prefetch;          // ask for a context's row a centre before it is needed
  // Memory.
  Counters* counters;
  void* workspace;  // workspace_bytes(), 256-byte aligned; null where that is 0
};

// Whether this build has code that the current device can run: success, or the status that
// launches would have.
Status find_kernels();

// Marks the first token of each sentence in `ids`, which hold positions [ids_position,
// ids_position + num_ids). Offsets outside are passed over.
Status mark_sentences(uint32_t* ids, Index ids_position, Index num_ids,
                      const uint64_t* sentence_offsets, Index num_offsets, Stream stream);

// Bytes of workspace that a launch with these options needs on the current device. Only
// pointers of the task may be missing.
size_t workspace_bytes(const TrainTask& task, bool is_cbow);

// Train the centres of [begin, end), enqueued on `stream`; do not wait for it. Throw
// std::invalid_argument for a task that no kernel serves; otherwise return the launch's status.
//
// What is trained when the stream has finished is whole: all rows are written back. Rows race
// between warps as with Hogwild threads on the CPU; with max_warps 1 positions are trained in
// their order, and the result is the CPU trainer's with one thread up to rounding.
Status train_skipgram(const TrainTask& task, Stream stream);
Status train_cbow(const TrainTask& task, Stream stream);

// The same, but with the same bytes on every run: batches of batch_tokens positions (counted
// from position 0 of the corpus), all trained from the rows as they are before the batch; what
// a row gains is summed in the order of positions. With a batch of one position the result is
// the CPU trainer's with one thread up to rounding. Negatives are shared by a window.
size_t deterministic_workspace_bytes(const TrainTask& task, bool is_cbow, Index batch_tokens);
Status train_deterministic(const TrainTask& task, bool is_cbow, Index batch_tokens,
                           Stream stream);

}  // namespace embkit::cuda
