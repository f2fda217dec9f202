#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/alias_table.h"
#include "core/types.h"
#include "cuda/device_buffer.h"
#include "cuda/devices.h"
#include "cuda/resident_text.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

// What a run needs beside the text and the model.
struct SessionOptions {
  TrainTask task;  // the options and num_words alone: no pointers, no positions
  bool is_cbow;
  Index batch_tokens;   // of the deterministic mode; 0 without it
  Index most_resident;  // ids held on the device at most; 0 for as many as fit
};

// Tables of the words, on the host.
struct WordTables {
  std::vector<uint32_t> keep_below;
  std::vector<AliasSlot> noise;
  std::vector<float> offsets;  // empty with negative sampling
};

// Both matrices on the host, rows of `stride` floats.
struct HostRows {
  float* input;
  float* output;
  Index stride;
};

// A training run on one device: owns all memory there. Not safe from several threads.
//
// The text is held on the device where it fits, and otherwise goes through two buffers, one
// being filled while the other is trained on. Work is launched in slices of a fraction of a
// second; between two of them the model is whole, so that it can be read and training can
// pause, and the thread may have turned to another device. Throws CudaError, ResourceError
// where the device has too little memory, and DivergenceError. After an exception from training
// only destruction is allowed.
class Session {
 public:
  // `text` must outlive this; `rows` are copied.
  Session(int device, const SessionOptions& options, const HostText& text,
          const WordTables& words, const HostRows& rows);

  // Trains a slice, or loads a piece of the text that is not there yet, and waits for it; false
  // where all was done already.
  bool train_slice();

  struct Progress {
    Index tokens;       // of epochs * num_tokens
    double loss;        // summed over the pairs that were measured so far
    int64_t num_pairs;  // so measured
    double learning_rate;
    double last_loss;  // the same of the last epoch alone
    int64_t last_pairs;
    double log_normalizer;  // of NCE
  };
  Progress progress() const;
  bool is_done() const { return epoch_ >= options_.task.epochs; }

  // Copies the model to the host and back; restore() also goes on from there.
  void download(const HostRows& rows) const;
  void restore(const HostRows& rows, const Progress& progress);

  const DeviceProperties& device() const { return device_; }
  const ResidentText& text() const { return *text_; }

 private:
  void use() const;
  void allocate(const WordTables& words);
  void allocate_workspace();
  void upload(const HostRows& rows);
  void set_counters(const Progress& progress);
  TrainTask next_task();
  Status launch(const TrainTask& task);
  void finish_slice(const TrainTask& task, double seconds);
  [[noreturn]] void refuse_memory() const;
  size_t model_bytes() const;

  DeviceProperties device_;
  int number_;
  SessionOptions options_;
  OwnedStream stream_;
  DeviceBuffer input_, output_, keep_below_, noise_, offsets_, counters_, workspace_;
  std::unique_ptr<ResidentText> text_;
  Index unit_;   // slices are multiples of it, so that they change no result
  Index slice_;  // tokens of the next one
  Index epoch_ = 0;
  Index position_ = 0;  // the next one to be trained
  Counters now_{};
  Progress last_epoch_begin_{};
};

}  // namespace embkit::cuda
