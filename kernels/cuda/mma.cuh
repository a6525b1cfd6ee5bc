// Tensor cores: the instructions that multiply small matrices, a warp at a time, and those that feed them.
//
// A tensor core takes a tile of a (16 rows), a tile of b (8 columns) and 16 x 8 sums, all in the registers of a warp's
// 32 threads, and adds the product in one instruction, which no loop over elements can do as fast: on an A100 the
// tensor cores do 8 times the multiply-adds of everything else on the chip, in TF32, and 16 times in bfloat16.
//
// Which thread holds which element is the hardware's choice ("matrix fragments" in NVIDIA's PTX ISA). With
// group = lane / 4 and member = lane % 4:
//
//   sums 16 x 8      sums[0], [1]   row group,     columns 2 * member, 2 * member + 1
//                    sums[2], [3]   row group + 8, the same columns
//   TF32, 8 deep     a[0], a[1]     rows group, group + 8, depth member;   a[2], a[3]: the same rows, depth member + 4
//                    b[0], b[1]     column group, depths member, member + 4
//   bf16, 16 deep    a[0], a[1]     rows group, group + 8, depths 2 * member and 2 * member + 1 (in the upper half)
//                    a[2], a[3]     the same rows, depths 2 * member + 8 and 2 * member + 9
//                    b[0], b[1]     column group, the depths of a[0] and of a[2]
//
// TF32 is a float32 whose mantissa has 10 bits instead of 23: a factor is off by at most 2^-11 of itself. bfloat16
// keeps 7 bits, 2^-8. Products are exact in float32 and summed there.
//
// Every function here must be called by all 32 threads of a warp, except the conversions and the copies. They exist
// from compute capability 8.0 on (tensor_cores.h); code for older cards compiles, and traps.
#pragma once

#include <cstdint>
#include <cstring>

#include "mien/kernels/cuda/launch.h"

#if defined(MIEN_KERNELS_EMULATED)
#include "mien/kernels/cuda/async_copies.h"
#endif

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

#if defined(MIEN_KERNELS_EMULATED)

/// Before a loop of constant length over registers: its arrays stay registers only if every index is a constant.
#define MIEN_UNROLL

inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline std::uint32_t to_tf32(float value) {
  if (value != value) return 0x7FFFFFFF;
  return (bits_of(value) + 0x1000) & ~0x1FFFu;
}

inline std::uint32_t to_bf16x2(float low, float high) {
  const auto rounded = [](float value) -> std::uint32_t {
    if (value != value) return 0x7FFF;
    const std::uint32_t bits = bits_of(value);
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  };
  return rounded(low) | rounded(high) << 16;
}

/// A lane's share of both factors.
struct Factors {
  std::uint32_t a[4], b[2];
};

/// sums += a · b of a warp; element(register, i): the number, or number i of two, in a register. The four lanes of a
/// group share a row of a and a column of b: half of the depth in their first registers, half in the later ones.
template <int depth, class Element>
void multiply_in_warp(float (&sums)[4], const Factors& mine, Element element, SourcePlace place) {
  constexpr int in_register = depth / 8;
  give_to_warp(&mine, sizeof mine, place);
  const int lane = static_cast<int>(threadIdx.x % 32), group = lane / 4, member = lane % 4;
  const Factors *of_rows[4], *of_columns[2][4];
  for (int i = 0; i < 4; ++i) {
    of_rows[i] = static_cast<const Factors*>(given_by(4 * group + i));
    for (int j = 0; j < 2; ++j) of_columns[j][i] = static_cast<const Factors*>(given_by(4 * (2 * member + j) + i));
  }
  for (int i = 0; i < 4; ++i)
    for (int d = 0; d < depth; ++d) {
      const int half = d / (depth / 2), holder = d % (depth / 2) / in_register, part = d % in_register;
      sums[i] +=
          element(of_rows[holder]->a[2 * half + i / 2], part) * element(of_columns[i % 2][holder]->b[half], part);
    }
}

inline void mma_m16n8k8_tf32(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                             SourcePlace place = SourcePlace::here()) {
  // What a factor has beyond TF32's bits is not looked at.
  const auto element = [](std::uint32_t bits, int) { return float_of(bits & ~0x1FFFu); };
  multiply_in_warp<8>(sums, {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, element, place);
}

inline void mma_m16n8k16_bf16(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                              SourcePlace place = SourcePlace::here()) {
  const auto element = [](std::uint32_t bits, int part) { return float_of(part == 0 ? bits << 16 : bits & ~0xFFFFu); };
  multiply_in_warp<16>(sums, {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, element, place);
}

inline void ldmatrix_x4(std::uint32_t (&matrices)[4], const void* row, SourcePlace place = SourcePlace::here()) {
  check(reinterpret_cast<std::uintptr_t>(row) % 16 == 0, "ldmatrix", "a row's address is a multiple of 16.");
  // Each lane gives its row itself: a neighbour may have overwritten it before the slowest lane looks.
  give_to_warp(row, 16, place);
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = 0; i < 4; ++i)
    std::memcpy(&matrices[i], static_cast<const char*>(given_by(8 * i + lane / 4)) + lane % 4 * 4, 4);
}

template <int bytes>
void cp_async(void* shared, const void* global, bool reads) {
  async_copies().start(shared, reads ? global : nullptr, bytes);
}

inline void cp_async_commit() { async_copies().commit(); }

template <int newest>
void cp_async_wait() {
  async_copies().wait(newest);
}

#else

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define MIEN_FROM_SM80(...) __trap()
#else
#define MIEN_FROM_SM80(...) asm volatile(__VA_ARGS__)
#endif

#define MIEN_UNROLL _Pragma("unroll")

__device__ inline float float_of(std::uint32_t bits) { return __uint_as_float(bits); }

/// `value` rounded to TF32, to nearest, ties away from zero; in the bits of a float32.
__device__ inline std::uint32_t to_tf32(float value) {
  std::uint32_t bits = 0;
  MIEN_FROM_SM80("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits;
}

/// Both rounded to bfloat16, to nearest, ties to even; `low` in the lower half.
__device__ inline std::uint32_t to_bf16x2(float low, float high) {
  std::uint32_t bits = 0;
  MIEN_FROM_SM80("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}

/// sums += a · b, 16 x 8 and 8 deep. a and b are TF32; further bits of a float32 are cut off, not rounded.
__device__ inline void mma_m16n8k8_tf32(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  MIEN_FROM_SM80(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// sums += a · b, 16 x 8 and 16 deep, of bfloat16.
__device__ inline void mma_m16n8k16_bf16(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  MIEN_FROM_SM80(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Four matrices of 8 rows x 16 bytes from shared memory. Lane 8 * i + j gives the address of row j of matrix i, a
/// multiple of 16; matrices[i] is then the lane's word: row lane / 4, bytes 4 * (lane % 4) and on. For 16-bit elements
/// that is a[i] of a fragment, and for 32-bit ones too: a row is 8 of the former or 4 of the latter.
__device__ inline void ldmatrix_x4(std::uint32_t (&matrices)[4], const void* row) {
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  MIEN_FROM_SM80("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
                 : "r"(address)
                 : "memory");
}

/// Starts a copy of 4 or 16 bytes (both addresses multiples of that) to shared memory, past the registers; zeros arrive
/// where not `reads`, and `global` is not looked at.
template <int bytes>
__device__ void cp_async(void* shared, const void* global, bool reads) {
  static_assert(bytes == 4 || bytes == 16);
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  [[maybe_unused]] const int read = reads ? bytes : 0;
  if constexpr (bytes == 16)  // past the first cache too
    MIEN_FROM_SM80("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(read) : "memory");
  else
    MIEN_FROM_SM80("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(address), "l"(global), "r"(read) : "memory");
}

/// What this thread has started since the last call is a group.
__device__ inline void cp_async_commit() { MIEN_FROM_SM80("cp.async.commit_group;" ::: "memory"); }

/// Waits until this thread's groups have arrived, all but the `newest` that were committed last.
template <int newest>
__device__ void cp_async_wait() {
  MIEN_FROM_SM80("cp.async.wait_group %0;" ::"n"(newest) : "memory");
}

#undef MIEN_FROM_SM80

#endif

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
