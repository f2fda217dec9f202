#if defined(__x86_64__)
#define EMBKIT_ISA avx2
#define EMBKIT_VECTOR_BYTES 32
#include "simd/kernels_impl.h"
#endif
