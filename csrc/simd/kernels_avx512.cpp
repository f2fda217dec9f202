#if defined(__x86_64__)
#define EMBKIT_ISA avx512
#define EMBKIT_VECTOR_BYTES 64
#include "simd/kernels_impl.h"
#endif
