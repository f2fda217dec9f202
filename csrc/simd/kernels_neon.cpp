#if defined(__aarch64__)
#define EMBKIT_ISA neon
#define EMBKIT_VECTOR_BYTES 16
#include "simd/kernels_impl.h"
#endif
