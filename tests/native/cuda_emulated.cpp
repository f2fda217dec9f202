// The emulated launchers of csrc/cuda behind C functions, for ctypes. Each returns the status,
// or -1 with the exception's message.

#include <cstdio>
#include <exception>

#include "cuda/emulated_warp.h"
#include "cuda/row_traffic.h"
#include "cuda/word2vec.h"

namespace cuda = embkit::cuda;

namespace {

template <typename Call>
int guarded(char* message, size_t size, const Call& call) {
  try {
    return call();
  } catch (const std::exception& error) {
    std::snprintf(message, size, "%s", error.what());
    return -1;
  }
}

}  // namespace

extern "C" {

size_t task_bytes() { return sizeof(cuda::TrainTask); }

void mark(uint32_t* ids, int64_t position, int64_t count, const uint64_t* offsets,
          int64_t num_offsets) {
  cuda::mark_sentences(ids, position, count, offsets, num_offsets, nullptr);
}

int workspace(const cuda::TrainTask* task, bool is_cbow, size_t* bytes, char* message,
              size_t size) {
  return guarded(message, size, [&] {
    *bytes = cuda::workspace_bytes(*task, is_cbow);
    return 0;
  });
}

int train(const cuda::TrainTask* task, bool is_cbow, char* message, size_t size) {
  return guarded(message, size, [&] {
    return is_cbow ? cuda::train_cbow(*task, nullptr) : cuda::train_skipgram(*task, nullptr);
  });
}

int deterministic_workspace(const cuda::TrainTask* task, bool is_cbow, int64_t batch,
                            size_t* bytes, char* message, size_t size) {
  return guarded(message, size, [&] {
    *bytes = cuda::deterministic_workspace_bytes(*task, is_cbow, batch);
    return 0;
  });
}

int train_deterministic(const cuda::TrainTask* task, bool is_cbow, int64_t batch, char* message,
                        size_t size) {
  return guarded(message, size,
                 [&] { return cuda::train_deterministic(*task, is_cbow, batch, nullptr); });
}

// The kernels of measure.cu, by `num_warps` warps, each with a row of sums.
void row_traffic(float* matrix, int stride, const uint32_t* rows, int64_t count, int num_warps,
                 float* sums) {
  cuda::LaneScheduler lanes;
  for (int i = 0; i < num_warps; ++i) {
    lanes.run([&](int lane) {
      cuda::EmulatedWarp warp(lanes, lane);
      cuda::gather_rows(warp, matrix, stride, rows, count, i, num_warps, sums + i * stride);
    });
  }
  for (int i = 0; i < num_warps; ++i) {
    lanes.run([&](int lane) {
      cuda::EmulatedWarp warp(lanes, lane);
      cuda::scatter_rows(warp, matrix, stride, rows, count, i, num_warps, 1.0f);
    });
  }
}

}  // extern "C"
