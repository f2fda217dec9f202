// Filled by kernels_impl.h
