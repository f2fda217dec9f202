// Part of kernels_impl.h: rows of a sparse matrix times a dense one.

namespace embkit::simd::EMBKIT_ISA {
namespace {

// Vectors at any address: neither matrix is padded.
typedef float LooseVec
    __attribute__((vector_size(EMBKIT_VECTOR_BYTES), may_alias, aligned(sizeof(float))));

// What the first band's part of the dense rows takes of the second cache. Where the first
// columns are those of the frequent words, they have most of the entries; each band is twice
// as wide as the one before, for in the narrow ones of rare words a row has no entry.
constexpr int64_t kFirstBandBytes = 1 << 20;
constexpr int kMostVecs = 8;  // held in registers through a row's entries in a band

// Adds a row's entries from `entry` on with columns below `band_end` to kVecs vectors of the
// sum; returns the first entry left. The last vector begins at `tail` and may overlap the one
// before: it finds the same sums again.
template <int kVecs>
EMBKIT_INLINE int64_t sparse_band(const SparseRows& m, int64_t entry, int64_t row_end,
                                  int64_t band_end, const float* dense, int64_t tail,
                                  bool is_first, float* out) {
  Vec sums[kVecs] = {};
  if (!is_first) {
#pragma GCC unroll 8
    for (int i = 0; i < kVecs; ++i) {
      sums[i] = *reinterpret_cast<LooseVec*>(out + (i < kVecs - 1 ? i * kLanes : tail));
    }
  }
  for (; entry < row_end && m.columns[entry] < band_end; ++entry) {
    const float* const row = dense + m.columns[entry] * m.width;
    const Vec value = splat(m.values[entry]);
#pragma GCC unroll 8
    for (int i = 0; i < kVecs; ++i) {
      const int64_t at = i < kVecs - 1 ? i * kLanes : tail;
      sums[i] += value * *reinterpret_cast<const LooseVec*>(row + at);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kVecs; ++i) {
    *reinterpret_cast<LooseVec*>(out + (i < kVecs - 1 ? i * kLanes : tail)) = sums[i];
  }
  return entry;
}

// kVecs vectors of each row from column d on, in bands of columns whose dense rows stay in the
// second cache. A sum passes from band to band through `out`, which changes no bit of it.
template <int kVecs>
void sparse_tile(const SparseRows& m, int64_t begin, int64_t end, int64_t d) {
  constexpr int64_t kWidth = kVecs * kLanes;
  const int64_t tail = (d + kWidth > m.width ? m.width - d : kWidth) - kLanes;
  int64_t band_width = kFirstBandBytes / (kWidth * static_cast<int64_t>(sizeof(float)));
  for (int64_t row = begin; row < end; ++row) m.next[row] = m.row_offsets[row];
  for (int64_t band = 0; band == 0 || band < m.num_columns; band_width *= 2) {
    const int64_t band_end = band + band_width;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t entry = m.next[row];
      const int64_t row_end = m.row_offsets[row + 1];
      if (band > 0 && (entry == row_end || m.columns[entry] >= band_end)) continue;
      m.next[row] = sparse_band<kVecs>(m, entry, row_end, band_end, m.dense + d, tail,
                                       band == 0, m.out + row * m.width + d);
    }
    band = band_end;
  }
}

EMBKIT_INLINE void sparse_scalar(const SparseRows& m, int64_t row, int64_t d) {
  float sum = 0;
  for (int64_t entry = m.row_offsets[row]; entry < m.row_offsets[row + 1]; ++entry) {
    sum += m.values[entry] * m.dense[m.columns[entry] * m.width + d];
  }
  m.out[row * m.width + d] = sum;
}

void multiply_sparse(const SparseRows& m, int64_t begin, int64_t end) {
  if (m.width < kLanes) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t d = 0; d < m.width; ++d) sparse_scalar(m, row, d);
    }
    return;
  }
  using Tile = void (*)(const SparseRows&, int64_t, int64_t, int64_t);
  constexpr Tile kTiles[kMostVecs] = {&sparse_tile<1>, &sparse_tile<2>, &sparse_tile<3>,
                                      &sparse_tile<4>, &sparse_tile<5>, &sparse_tile<6>,
                                      &sparse_tile<7>, &sparse_tile<8>};
  for (int64_t d = 0; d < m.width; d += kMostVecs * kLanes) {
    const int64_t vecs = (m.width - d + kLanes - 1) / kLanes;
    kTiles[(vecs < kMostVecs ? vecs : kMostVecs) - 1](m, begin, end, d);
  }
}

}  // namespace
}  // namespace embkit::simd::EMBKIT_ISA
