// The convolution as a matrix product (implicit gemm).
//
// Write the patch of x under each position as a row, and the convolution is patches times weights: a product of
// (positions) x (kernel * kernel * channels) with (kernel * kernel * channels) x (output channels). Built in memory,
// the patches would take kernel * kernel times the room of x. So they are not built: product_tiled asks for the element
// (row, depth) of its left operand, and PatchOfX works out which pixel that is. Both gradients are products of the same
// kind:
//   forward    positions x output channels,  summed over taps and input channels
//   dx         pixels x input channels,      summed over taps and output channels
//   dw         (tap, channel) x output channels,  summed over positions
// The last sum is long and its result small, so it is taken in parts (conv2d_weight_parts.cuh).
#include <algorithm>

#include "mien/kernels/cuda/conv2d.cuh"
#include "mien/kernels/cuda/conv2d_weight_parts.cuh"
#include "mien/kernels/cuda/product.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

// The weights' gradient is cut into parts until this many blocks are at work, but none shorter than so many positions.
constexpr std::int64_t enough_blocks = 512, shortest_part = 2048;

// x under a tap at a position, or the zero of the padding.
__device__ float x_under(View<const float> x, const Conv2dGeometry& g, Pixel at, TapChannel under, int group) {
  const int row = g.height.cell(at.row, under.tap_row), column = g.width.cell(at.column, under.tap_column);
  if (!g.height.inside(row) || !g.width.inside(column)) return 0.0f;
  const int cell = (at.image * g.height.input + row) * g.width.input + column;
  return x[cell * g.in_channels + group * g.in_per_group() + under.channel];
}

// Forward, left: row = position. With the pool four rows in turn are the four positions of one block, so that one
// thread of the product holds all four sums.
struct PatchOfX {
  static constexpr bool depth_first = true;
  View<const float> x;
  Conv2dGeometry g;
  __device__ float operator()(int group, int row, int depth) const {
    Pixel at = pixel(g.pool ? row / 4 : row, g.y_height(), g.y_width());
    if (g.pool) at = {at.image, 2 * at.row + row % 4 / 2, 2 * at.column + row % 2};
    return x_under(x, g, at, tap_channel(depth, g.width.kernel, g.in_per_group()), group);
  }
};

// Forward, right: the weights as they lie in memory.
struct Weight {
  View<const float> w;
  Conv2dGeometry g;
  __device__ float operator()(int group, int depth, int column) const {
    return w[depth * g.out_channels + group * g.out_per_group() + column];
  }
};

struct StoreY {
  View<const float> bias;
  View<float> y;
  View<std::uint8_t> argmax;
  Conv2dGeometry g;
  int rows;
  __device__ void operator()(int group, int, int row, int column, const float (&sums)[product_square]) const {
    const int out = group * g.out_per_group() + column;
    float values[product_square];
    for (int i = 0; i < product_square; ++i) values[i] = activate(g.bias ? sums[i] + bias[out] : sums[i], g.activation);
    if (g.pool)
      store_maximum(values, y, argmax, row / 4 * g.out_channels + out, g.activation);
    else
      for (int i = 0; i < product_square && row + i < rows; ++i) y[(row + i) * g.out_channels + out] = values[i];
  }
};

// dx, left: dz where the tap lands on the pixel, or zero.
struct GradientOverPixel {
  static constexpr bool depth_first = true;
  View<const float> dz;
  Conv2dGeometry g;
  __device__ float operator()(int group, int pixel_index, int depth) const {
    const Pixel at = pixel(pixel_index, g.height.input, g.width.input);
    const TapChannel from = tap_channel(depth, g.width.kernel, g.out_per_group());
    const int row = position_over(g.height, at.row, from.tap_row);
    const int column = position_over(g.width, at.column, from.tap_column);
    if (row < 0 || column < 0) return 0.0f;
    const int position = (at.image * g.height.output + row) * g.width.output + column;
    return dz[position * g.out_channels + group * g.out_per_group() + from.channel];
  }
};

// dx, right: the weights, input and output channels exchanged.
struct ExchangedWeight {
  View<const float> w;
  Conv2dGeometry g;
  __device__ float operator()(int group, int depth, int in) const {
    const int tap = depth / g.out_per_group(), out = depth % g.out_per_group();
    return w[(tap * g.in_per_group() + in) * g.out_channels + group * g.out_per_group() + out];
  }
};

struct StoreDx {
  View<float> dx;
  Conv2dGeometry g;
  int rows;
  __device__ void operator()(int group, int, int row, int column, const float (&sums)[product_square]) const {
    for (int i = 0; i < product_square && row + i < rows; ++i)
      dx[(row + i) * g.in_channels + group * g.in_per_group() + column] = sums[i];
  }
};

// dw, left: the patches again, transposed.
struct TransposedPatchOfX {
  static constexpr bool depth_first = false;
  View<const float> x;
  Conv2dGeometry g;
  __device__ float operator()(int group, int row, int position) const {
    const Pixel at = pixel(position, g.height.output, g.width.output);
    return x_under(x, g, at, tap_channel(row, g.width.kernel, g.in_per_group()), group);
  }
};

// dw, right.
struct Gradient {
  View<const float> dz;
  Conv2dGeometry g;
  __device__ float operator()(int group, int position, int column) const {
    return dz[position * g.out_channels + group * g.out_per_group() + column];
  }
};

// A part's share of dw, laid out as dw is, one part after the other.
struct StorePart {
  View<float> partial;
  Conv2dGeometry g;
  int rows;
  __device__ void operator()(int group, int part, int row, int column, const float (&sums)[product_square]) const {
    for (int i = 0; i < product_square && row + i < rows; ++i)
      partial[(part * rows + row + i) * g.out_channels + group * g.out_per_group() + column] = sums[i];
  }
};

__global__ void add_parts_each(View<const float> partial, View<float> dw, int parts) {
  const int i = global_thread();
  if (i >= dw.size) return;
  double sum = 0;
  for (int part = 0; part < parts; ++part) sum += partial[part * dw.size + i];
  dw[i] = static_cast<float>(sum);
}

}  // namespace

void conv2d_forward_gemm(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                         View<std::uint8_t> argmax, const Conv2dGeometry& g) {
  const int depth = g.height.kernel * g.width.kernel * g.in_per_group();
  const int rows = g.batch * g.y_height() * g.y_width() * (g.pool ? 4 : 1);
  launch_product(
      "conv2d_forward", PatchOfX{x, g}, Weight{w, g}, StoreY{bias, y, argmax, g, rows},
      {.rows = rows, .columns = g.out_per_group(), .depth = depth, .batches = g.groups, .part_depth = depth});
}

void conv2d_backward_input_gemm(View<const float> dz, View<const float> w, View<float> dx, const Conv2dGeometry& g) {
  const int depth = g.height.kernel * g.width.kernel * g.out_per_group();
  const int rows = g.batch * g.height.input * g.width.input;
  launch_product("conv2d_backward_input", GradientOverPixel{dz, g}, ExchangedWeight{w, g}, StoreDx{dx, g, rows},
                 {.rows = rows, .columns = g.in_per_group(), .depth = depth, .batches = g.groups, .part_depth = depth});
}

void conv2d_backward_weights_gemm(View<const float> x, View<const float> dz, View<float> dw, const Conv2dGeometry& g) {
  const char* const name = "conv2d_backward_weights";
  const ProductShape shape = weight_gradient_shape(g, product_tile, product_tile);
  sum_weights_in_parts(name, dw, shape, [&](const ProductShape& shape, View<float> partial) {
    launch_product(name, TransposedPatchOfX{x, g}, Gradient{dz, g}, StorePart{partial, g, shape.rows}, shape);
  });
}

ProductShape weight_gradient_shape(const Conv2dGeometry& g, int tile_rows, int tile_columns) {
  const int positions = g.batch * g.height.output * g.width.output;
  const int rows = g.height.kernel * g.width.kernel * g.in_per_group();
  const std::int64_t tiles = g.groups * divide_up(rows, tile_rows) * divide_up(g.out_per_group(), tile_columns);
  const std::int64_t parts = std::clamp(enough_blocks / tiles, std::int64_t{1}, divide_up(positions, shortest_part));
  return {.rows = rows,
          .columns = g.out_per_group(),
          .depth = positions,
          .batches = g.groups,
          .part_depth = static_cast<int>(divide_up(positions, parts))};
}

void add_parts(const char* name, View<const float> partial, View<float> dw, int parts) {
  launch_each(name, add_parts_each, dw.size, partial, dw, parts);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
