// Two operands, element by element, either repeated along some axes.
#include "mien/kernels/cpu/broadcast.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

/// One run of the result. The strides that occur (1: moves along, 0: repeated) have loops of their own.
template <BinaryKind kind>
void binary_run(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, float* y,
                std::int64_t count) {
  if (a_stride == 1 && b_stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply_binary(kind, a[i], b[i]);
  } else if (a_stride == 1 && b_stride == 0) {
    const float repeated = *b;
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply_binary(kind, a[i], repeated);
  } else if (a_stride == 0 && b_stride == 1) {
    const float repeated = *a;
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply_binary(kind, repeated, b[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply_binary(kind, a[i * a_stride], b[i * b_stride]);
  }
}

template <BinaryKind kind>
void binary_of_kind(View<const float> a, View<const float> b, View<float> y, const BroadcastGeometry& g) {
  const std::int64_t a_stride = g.a_stride[g.axes - 1], b_stride = g.b_stride[g.axes - 1];
  parallel_elements(g.size(), [&](std::int64_t begin, std::int64_t end) {
    for_each_run(g, begin, end, [&](std::int64_t index, std::int64_t a_at, std::int64_t b_at, std::int64_t count) {
      binary_run<kind>(a.data + a_at, a_stride, b.data + b_at, b_stride, y.data + index, count);
    });
  });
}

}  // namespace

void binary_forward(View<const float> a, View<const float> b, View<float> y, BroadcastGeometry g, BinaryKind kind) {
  switch (kind) {
    case BinaryKind::add:
      return binary_of_kind<BinaryKind::add>(a, b, y, g);
    case BinaryKind::subtract:
      return binary_of_kind<BinaryKind::subtract>(a, b, y, g);
    case BinaryKind::multiply:
      return binary_of_kind<BinaryKind::multiply>(a, b, y, g);
  }
}

}  // namespace mien::kernels::cpu
