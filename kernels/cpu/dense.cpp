// The dense layer: a matrix product, then bias and activation while the rows are still in a cache.
#include <algorithm>

#include "mien/kernels/cpu/conv2d_epilogue.h"
#include "mien/kernels/cpu/gemm.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

MatmulGeometry product_of(const DenseGeometry& g) { return {.m = g.rows, .n = g.out, .k = g.in}; }

}  // namespace

std::int64_t packed_weights_size(const DenseGeometry& g) { return packed_matrix_size(product_of(g)); }

void pack_dense_weights(const float* w, const DenseGeometry& g, float* packed) {
  pack_matrix(w, product_of(g), packed);
}

void dense_forward_packed(View<const float> x, View<const float> w, const float* packed, View<const float> bias,
                          View<float> y, const DenseGeometry& g) {
  multiply(x.data, w.data, y.data, product_of(g), packed);
  if (!g.bias && g.activation.kind == ActivationKind::linear) return;
  const std::int64_t rows_per_block = std::max<std::int64_t>(1, elements_per_block / std::max(1, g.out));
  const EpilogueKernels& epilogue = epilogue_kernels();
  parallel_blocks(g.rows, rows_per_block, [&](std::int64_t begin, std::int64_t end) {
    float* const rows = y.data + begin * g.out;
    epilogue.plain({.sums = rows,
                    .pitch = g.out,
                    .positions = static_cast<int>(end - begin),
                    .channels = g.out,
                    .bias = g.bias ? bias.data : nullptr,
                    .activation = g.activation,
                    .y = rows,
                    .y_pitch = g.out});
  });
}

void dense_forward(View<const float> x, View<const float> w, View<const float> bias, View<float> y, DenseGeometry g) {
  dense_forward_packed(x, w, nullptr, bias, y, g);
}

void dense_prepared_size(DenseGeometry g, std::int64_t* size) { *size = packed_weights_size(g); }

void dense_prepare(View<const float> w, View<float> prepared, DenseGeometry g) {
  pack_dense_weights(w.data, g, prepared.data);
}

void dense_forward_prepared(View<const float> x, View<const float> prepared, View<const float> bias, View<float> y,
                            DenseGeometry g) {
  dense_forward_packed(x, {}, prepared.data, bias, y, g);
}

}  // namespace mien::kernels::cpu
