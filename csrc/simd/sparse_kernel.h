// Part of kernels_impl.h: rows of a sparse matrix times a dense one.

namespace embkit::simd::EMBKIT_ISA {
namespace {

// Vectors at any address: neither matrix is padded.
typedef float LooseVec
    __attribute__((vector_size(EMBKIT_VECTOR_BYTES), may_alias, aligned(sizeof(float))));

// Entries ahead of the one at hand whose dense row is asked for: far enough to hide a miss of
// the second cache, near enough to stay in the first.
constexpr int64_t kAhead = 12;
constexpr int kLineFloats = 16;

// kVecs vectors of each row from column d on, held in registers through all of the row's
// entries.
template <int kVecs>
EMBKIT_INLINE void sparse_tile(const SparseRows& m, int64_t row, int64_t last, int64_t d) {
  Vec sums[kVecs] = {};
  const int64_t end = m.row_offsets[row + 1];
  for (int64_t entry = m.row_offsets[row]; entry < end; ++entry) {
    const int64_t ahead = entry + kAhead < last ? entry + kAhead : last - 1;
    const float* const next = m.dense + m.columns[ahead] * m.width + d;
#pragma GCC unroll 8
    for (int i = 0; i < kVecs * kLanes; i += kLineFloats) __builtin_prefetch(next + i);
    const float* const dense = m.dense + m.columns[entry] * m.width + d;
    const Vec value = splat(m.values[entry]);
#pragma GCC unroll 8
    for (int i = 0; i < kVecs; ++i) {
      sums[i] += value * *reinterpret_cast<const LooseVec*>(dense + i * kLanes);
    }
  }
  float* const out = m.out + row * m.width + d;
#pragma GCC unroll 8
  for (int i = 0; i < kVecs; ++i) *reinterpret_cast<LooseVec*>(out + i * kLanes) = sums[i];
}

EMBKIT_INLINE void sparse_scalar(const SparseRows& m, int64_t row, int64_t d) {
  float sum = 0;
  for (int64_t entry = m.row_offsets[row]; entry < m.row_offsets[row + 1]; ++entry) {
    sum += m.values[entry] * m.dense[m.columns[entry] * m.width + d];
  }
  m.out[row * m.width + d] = sum;
}

void multiply_sparse(const SparseRows& m, int64_t begin, int64_t end) {
  const int64_t last = m.row_offsets[m.num_rows];
  for (int64_t row = begin; row < end; ++row) {
    int64_t d = 0;
    for (; d + 8 * kLanes <= m.width; d += 8 * kLanes) sparse_tile<8>(m, row, last, d);
    if (d + 4 * kLanes <= m.width) sparse_tile<4>(m, row, last, d), d += 4 * kLanes;
    if (d + 2 * kLanes <= m.width) sparse_tile<2>(m, row, last, d), d += 2 * kLanes;
    if (d + kLanes <= m.width) sparse_tile<1>(m, row, last, d), d += kLanes;
    if (d == m.width) continue;
    // The last vector may overlap the one before: it finds the same sums again.
    if (m.width >= kLanes) {
      sparse_tile<1>(m, row, last, m.width - kLanes);
    } else {
      for (; d < m.width; ++d) sparse_scalar(m, row, d);
    }
  }
}

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA
