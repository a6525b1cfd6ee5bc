// Loops over vectors, for files that Highway compiles once per instruction set. Such a file starts with
//
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "mien/kernels/cpu/FILE.cpp"
//   #include <hwy/foreach_target.h>
//   //
//   #include <hwy/highway.h>
//   #include "mien/kernels/cpu/vectors-inl.h"
//
// keeps its vector code in HWY_NAMESPACE, and ends with one HWY_DYNAMIC_DISPATCH for each kernel.
#if defined(MIEN_KERNELS_CPU_VECTORS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MIEN_KERNELS_CPU_VECTORS_INL_H
#undef MIEN_KERNELS_CPU_VECTORS_INL_H
#else
#define MIEN_KERNELS_CPU_VECTORS_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls body(d, i) so that vectors of type d at i cover begin … end-1: whole vectors, then narrower ones, then single
/// elements. An element meets the same operations in each, so its bits do not depend on where it stands.
template <class Body>
HWY_INLINE void for_each_vector(std::int64_t begin, std::int64_t end, const Body& body) {
  const hn::ScalableTag<float> whole;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(whole));
  std::int64_t i = begin;
  for (; i + lanes <= end; i += lanes) body(whole, i);
  if (lanes > 8 && i + 8 <= end) {
    body(hn::CappedTag<float, 8>(), i);
    i += 8;
  }
  if (lanes > 4 && i + 4 <= end) {
    body(hn::CappedTag<float, 4>(), i);
    i += 4;
  }
  for (; i < end; ++i) body(hn::CappedTag<float, 1>(), i);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_VECTORS_INL_H
