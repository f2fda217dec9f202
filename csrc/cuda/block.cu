#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/block.h"
#include "cuda/block_trainer.h"
#include "cuda/check_task.h"
#include "cuda/device_warp.cuh"
#include "cuda/launch.h"
#include "cuda/tensor_tile.cuh"

namespace embkit::cuda {
namespace {

constexpr int kThreads = kWarpsPerTile * kWarpSize;
constexpr int kMostBlocks = 64;  // 2,048 centres at a time, which frequent rows still bear

class DeviceBlock {
 public:
  using Warp = DeviceWarp;
  using Tile = DeviceTile;

  __device__ DeviceWarp& warp() { return warp_; }
  __device__ int number() const { return static_cast<int>(threadIdx.x) / kWarpSize; }
  __device__ int num_warps() const { return kWarpsPerTile; }
  __device__ void sync() { __syncthreads(); }

 private:
  DeviceWarp warp_;
};

// A persistent grid: each block of threads takes blocks of positions from the queue. Its tiles
// lie in shared memory.
// Rows race between blocks of threads; vector atomics lose no update but fix no order.
__global__ void __launch_bounds__(kThreads, 1)
    train_blocks_kernel(const __grid_constant__ TrainTask task) {
  extern __shared__ __align__(128) unsigned char shared[];
  DeviceBlock block;
  auto* const rows = reinterpret_cast<float*>(shared);
  auto* const about =
      reinterpret_cast<BlockShared*>(rows + BlockShape(task).floats(kWarpsPerTile));
  BlockTrainer<DeviceBlock> trainer(block, task, *about, rows, static_cast<int>(gridDim.x));
  trainer.run();
}

struct Plan {
  size_t shared_bytes;
  int blocks;
  Status status;
};

Plan make_plan(const TrainTask& task) {
  Plan plan{};
  const DeviceLimits limits = device_limits();
  plan.status = limits.status;
  if (plan.status != cudaSuccess) return plan;
  plan.shared_bytes = block_shared_bytes(task);
  if (plan.shared_bytes > static_cast<size_t>(limits.shared_per_block)) {
    throw std::invalid_argument(
        "negative_sharing must be window or pair where a tile of rows needs " +
        std::to_string(plan.shared_bytes) + " bytes of shared memory and the device has " +
        std::to_string(limits.shared_per_block) + ", got block");
  }
  plan.status = use_shared_memory(train_blocks_kernel, limits);
  int per_processor = 0;
  if (plan.status == cudaSuccess) {
    plan.status = cudaOccupancyMaxActiveBlocksPerMultiprocessor(
        &per_processor, train_blocks_kernel, kThreads, plan.shared_bytes);
  }
  plan.blocks = std::min(std::max(per_processor, 1) * limits.processors, kMostBlocks);
  if (task.max_warps > 0) {
    plan.blocks = std::min(plan.blocks, std::max(task.max_warps / kTileCenters, 1));
  }
  return plan;
}

}  // namespace

Status train_blocks(const TrainTask& task, Stream stream) {
  const Plan plan = make_plan(task);
  if (plan.status != cudaSuccess) return plan.status;
  check_task(task, 0);
  if (task.begin == task.end) return cudaSuccess;
  const Status status = reset_queue(task, stream);
  if (status != cudaSuccess) return status;
  train_blocks_kernel<<<plan.blocks, kThreads, plan.shared_bytes, stream>>>(task);
  return cudaGetLastError();
}

}  // namespace embkit::cuda
