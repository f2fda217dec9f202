#define EMBKIT_ISA baseline
#define EMBKIT_VECTOR_BYTES 16
#include "simd/kernels_impl.h"
