// The vectors of octets (conv2d_octets.h), for files that Highway compiles once per instruction set. Where vectors are
// shorter than an octet, MIEN_OCTETS is 0 and nothing of it is there.
#if defined(MIEN_KERNELS_CPU_CONV2D_OCTETS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MIEN_KERNELS_CPU_CONV2D_OCTETS_INL_H
#undef MIEN_KERNELS_CPU_CONV2D_OCTETS_INL_H
#else
#define MIEN_KERNELS_CPU_CONV2D_OCTETS_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "mien/kernels/cpu/conv2d_octets.h"

#undef MIEN_OCTETS
#define MIEN_OCTETS (HWY_MAX_BYTES >= 32)

#if MIEN_OCTETS
HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Whole = hn::CappedTag<float, 16>;
using V = hn::Vec<Whole>;
using Bytes = hn::Rebind<std::uint8_t, Whole>;
using Indices = hn::Rebind<std::int32_t, Whole>;

constexpr int lanes = static_cast<int>(hn::MaxLanes(Whole()));
/// Of a group: those that share a vector.
constexpr int windows = lanes / octet;
static_assert(windows == 1 || windows == 2);
constexpr int group_floats = 4 * windows;

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif

#endif  // MIEN_KERNELS_CPU_CONV2D_OCTETS_INL_H
