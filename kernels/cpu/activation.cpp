// Activations and the affine maps: one value in, one value out, in vectors (activation-inl.h holds the functions).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/activation.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/activation-inl.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/vectors-inl.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// y[i…] = map(d, i) for every vector.
template <class Map>
void write_vectors(View<float> y, const Map& map) {
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) HWY_ATTR {
    for_each_vector(begin, end, [&](auto d, std::int64_t i) HWY_ATTR { hn::StoreU(map(d, i), d, y.data + i); });
  });
}

// Product and sum are rounded each for itself, on every device.

void write_scaled_bytes(const std::uint8_t* x, View<float> y, float scale, float offset) {
  write_vectors(y, [=](auto d, std::int64_t i) HWY_ATTR {
    const hn::Rebind<std::uint8_t, decltype(d)> bytes;
    const hn::RebindToSigned<decltype(d)> integers;
    const auto value = hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(bytes, x + i)));
    return hn::Add(hn::Mul(hn::Set(d, scale), value), hn::Set(d, offset));
  });
}

void write_affine(const float* x, View<float> y, float scale, float offset) {
  write_vectors(y, [=](auto d, std::int64_t i) HWY_ATTR {
    return hn::Add(hn::Mul(hn::Set(d, scale), hn::LoadU(d, x + i)), hn::Set(d, offset));
  });
}

void write_activated(const float* x, View<float> y, Activation activation) {
  with_kind(activation.kind, [=]<ActivationKind kind>() {
    write_vectors(
        y, [=](auto d, std::int64_t i) HWY_ATTR { return activate_vector<kind>(d, hn::LoadU(d, x + i), activation); });
  });
}

/// The gradient is a product, not a choice: a NaN in dy comes through even where the slope is 0.
void write_gradient(const float* y, const float* dy, View<float> dx, Activation activation) {
  with_kind(activation.kind, [=]<ActivationKind kind>() {
    write_vectors(dx, [=](auto d, std::int64_t i) HWY_ATTR {
      return hn::Mul(hn::LoadU(d, dy + i), slope_vector<kind>(d, hn::LoadU(d, y + i), activation));
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(write_scaled_bytes);
HWY_EXPORT(write_affine);
HWY_EXPORT(write_activated);
HWY_EXPORT(write_gradient);

void scale_bytes(View<const std::uint8_t> x, View<float> y, float scale, float offset) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(write_scaled_bytes)(x.data, y, scale, offset);
}

void affine(View<const float> x, View<float> y, float scale, float offset) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(write_affine)(x.data, y, scale, offset);
}

void activation_forward(View<const float> x, View<float> y, Activation activation) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(write_activated)(x.data, y, activation);
}

void activation_backward(View<const float> y, View<const float> dy, View<float> dx, Activation activation) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(write_gradient)(y.data, dy.data, dx, activation);
}

}  // namespace mien::kernels::cpu
#endif
