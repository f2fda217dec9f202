#pragma once

#include "core/shared_mean.h"
#include "cuda/warp.h"
#include "cuda/word2vec.h"

namespace embkit::cuda {

// A warp on the device; see warp.h.
class DeviceWarp {
 public:
  __device__ DeviceWarp() : lane_(static_cast<int>(threadIdx.x % kWarpSize)) {}

  __device__ int lane() const { return lane_; }
  __device__ void sync() { __syncwarp(); }
  __device__ uint32_t ballot(bool flag) { return __ballot_sync(kAll, flag); }
  template <typename Value>
  __device__ Value shuffle(Value value, int source) {
    return __shfl_sync(kAll, value, source);
  }
  template <typename Value>
  __device__ Value shuffle_xor(Value value, int mask) {
    return __shfl_xor_sync(kAll, value, mask);
  }

  __device__ Float4 load(const float* pointer) const {
    const float4 v = __ldcg(reinterpret_cast<const float4*>(pointer));
    return {v.x, v.y, v.z, v.w};
  }

  // To shared memory past the registers where the device can; sooner otherwise.
  __device__ void begin_copy(float* to, const float* from) const {
#if __CUDA_ARCH__ >= 800
    if (__isShared(to)) {
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                       static_cast<unsigned>(__cvta_generic_to_shared(to))),
                   "l"(from)
                   : "memory");
      return;
    }
#endif
    *reinterpret_cast<Float4*>(to) = load(from);
  }
  __device__ void end_copies() const {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
  }

  // Each lane has its own columns, so that its stores and loads keep their order.
  __device__ void add(float* pointer, Float4 value, Updates updates) {
    if (updates == Updates::kStores) {
      const Float4 sum = load(pointer) + value;
      __stcg(reinterpret_cast<float4*>(pointer), make_float4(sum.x, sum.y, sum.z, sum.w));
      return;
    }
#if __CUDA_ARCH__ >= 900 && __CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ >= 1201
    // Without the value from before, which atomicAdd on a float4 would wait for.
    asm volatile("red.relaxed.gpu.global.add.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(pointer),
                 "f"(value.x), "f"(value.y), "f"(value.z), "f"(value.w)
                 : "memory");
#else
    atomicAdd(pointer, value.x);
    atomicAdd(pointer + 1, value.y);
    atomicAdd(pointer + 2, value.z);
    atomicAdd(pointer + 3, value.w);
#endif
  }

  // Counters in global memory.
  __device__ uint64_t take(uint64_t* counter) {
    return atomicAdd(reinterpret_cast<unsigned long long*>(counter), 1ull);
  }
  __device__ void count(uint64_t* counter, uint64_t value) {
    atomicAdd(reinterpret_cast<unsigned long long*>(counter), value);
  }
  __device__ void count(double* counter, double value) { atomicAdd(counter, value); }
  // As SharedMean::join.
  __device__ double join(double* mean, double copy, double count) {
    auto* const bits = reinterpret_cast<unsigned long long*>(mean);
    auto found = static_cast<unsigned long long>(__double_as_longlong(read(mean)));
    for (;;) {
      const auto before = found;
      const double now =
          join_mean(__longlong_as_double(static_cast<long long>(before)), copy, count);
      found =
          atomicCAS(bits, before, static_cast<unsigned long long>(__double_as_longlong(now)));
      if (found == before) return now;
    }
  }
  __device__ double read(const double* counter) const {
    return *const_cast<const volatile double*>(counter);
  }

 private:
  static constexpr unsigned kAll = 0xffffffffu;
  int lane_;
};

}  // namespace embkit::cuda
