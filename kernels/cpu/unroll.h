// MIEN_UNROLL before a loop of fixed length: accumulator arrays stay in registers only where the loops over them are
// unrolled. GCC 12 takes a count, and leaves longer loops alone.
#pragma once

#if defined(__clang__)
#define MIEN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MIEN_UNROLL _Pragma("GCC unroll 16")
#endif
