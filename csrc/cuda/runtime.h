#pragma once

#include <cstddef>

#include "cuda/measure.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

// The statuses that are told apart; the numbers are CUDA's.
constexpr Status kSuccess = 0;
constexpr Status kOutOfMemory = 2;
constexpr Status kOldDriver = 35;   // also where there is no driver at all
constexpr Status kNoFunction = 98;  // some versions have this for the last of these
constexpr Status kNoDevice = 100;
constexpr Status kWrongDevice = 101;
constexpr Status kNoKernelForDevice = 209;

enum class CopyKind { kToDevice = 1, kToHost = 2 };  // numbers of cudaMemcpyKind

struct DeviceProperties {
  char name[256];
  int major;  // compute capability
  int minor;
  int multiprocessors;
  size_t memory_bytes;
  size_t cache_bytes;             // level 2
  size_t shared_bytes_per_block;  // at most, where a kernel asks for more than is usual
};

// Every function of CUDA's runtime that host code calls, so that tests can stand a fake one
// in its place, and the launchers of kernels. Those above `describe` never throw.
struct Runtime {
  Status (*driver_version)(int* version);  // 1000 x major + 10 x minor; 0 without a driver
  Status (*runtime_version)(int* version);
  Status (*device_count)(int* count);
  Status (*set_device)(int device);
  Status (*device_properties)(DeviceProperties* properties, int device);
  Status (*memory_info)(size_t* free_bytes, size_t* total_bytes);
  Status (*allocate)(void** address, size_t bytes);
  Status (*release)(void* address);
  Status (*copy)(void* to, const void* from, size_t bytes, CopyKind kind, Stream stream);
  // Rows of `row_bytes`, so many bytes apart here and there.
  Status (*copy_rows)(void* to, size_t to_stride, const void* from, size_t from_stride,
                      size_t row_bytes, size_t num_rows, CopyKind kind, Stream stream);
  Status (*clear)(void* address, size_t bytes, Stream stream);  // to zero
  Status (*create_stream)(Stream* stream);
  Status (*wait)(Stream stream);
  Status (*destroy_stream)(Stream stream);
  Status (*last_error)();  // and forgets it, where it can be forgotten
  const char* (*describe)(Status status);
  // As word2vec.h and measure.h have them; these may throw std::invalid_argument.
  Status (*find_kernels)();
  Status (*mark_sentences)(uint32_t* ids, Index ids_position, Index num_ids,
                           const uint64_t* sentence_offsets, Index num_offsets, Stream stream);
  size_t (*workspace_bytes)(const TrainTask& task, bool is_cbow);
  Status (*train)(const TrainTask& task, bool is_cbow, Stream stream);
  size_t (*deterministic_workspace_bytes)(const TrainTask& task, bool is_cbow,
                                          Index batch_tokens);
  Status (*train_deterministic)(const TrainTask& task, bool is_cbow, Index batch_tokens,
                                Stream stream);
  RowRates (*measure_rows)(Index num_words, int stride, const uint32_t* rows, Index count,
                           int repeats);
};

// The table of this build: CUDA's own runtime, or a fake in tests.
const Runtime& runtime();

}  // namespace embkit::cuda
