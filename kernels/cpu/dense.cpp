// The dense layer: a matrix product, then bias and activation while the rows are still in a cache.
#include "mien/kernels/cpu/gemm.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void dense_forward(View<const float> x, View<const float> w, View<const float> bias, View<float> y, DenseGeometry g) {
  multiply(x.data, w.data, y.data, {.m = g.rows, .n = g.out, .k = g.in});
  if (!g.bias && g.activation.kind == ActivationKind::linear) return;
  const std::int64_t rows_per_block = std::max<std::int64_t>(1, elements_per_block / std::max(1, g.out));
  parallel_blocks(g.rows, rows_per_block, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for (int j = 0; j < g.out; ++j) {
        float& value = y.data[row * g.out + j];
        value = activate(g.bias ? value + bias.data[j] : value, g.activation);
      }
  });
}

}  // namespace mien::kernels::cpu
