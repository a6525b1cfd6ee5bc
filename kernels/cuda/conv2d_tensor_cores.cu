// The convolution as a matrix product on tensor cores: the three products of conv2d_gemm.cu, in TF32.
//
// product_tensor_cores copies what an operand's elements lie at, so the functors below give places in memory and not
// values. And it walks: a row's pixel and a depth's tap are divided out of their numbers once, at the start; from then
// on the tap moves from tile to tile by additions. (conv2d_gemm.cu divides for every element that it fetches, which
// takes longer than the multiply-adds would here.)
//
// Forward with the pool, a thread must hold the four sums of a 2x2 block. It holds rows 8 apart, so of 32 rows the
// first eight are the upper left positions of eight blocks, the next eight the upper right ones, and so on.
#include "mien/kernels/cuda/conv2d.cuh"
#include "mien/kernels/cuda/conv2d_weight_parts.cuh"
#include "mien/kernels/cuda/product_tensor_cores.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

constexpr int rows_of_eight_blocks = mma_square * mma_rows_apart;

// A row that lies in no image: no tap brings it back.
constexpr int nowhere = -(1 << 30);

// An operand whose depth is (tap, channel): how it walks from tile to tile.
struct TapsAndChannels {
  using Depth = TapChannel;
  View<const float> data;
  Conv2dGeometry g;
  int channels;  // of a group: worked out on the host, it is a division

  __device__ Depth depth(int depth) const { return tap_channel(depth, g.width.kernel, channels); }
  __device__ void advance(Depth& at, int by) const {
    for (at.channel += by; at.channel >= channels; at.channel -= channels)
      if (++at.tap_column == g.width.kernel) at.tap_column = 0, ++at.tap_row;
  }
};

// What a line that stands for a pixel, or for a tap, adds to a place: elements, and rows and columns of the image.
struct PixelLine {
  int first, row, column;
};

// Forward, left: line = position, depth = (tap, input channel); data is x.
struct PatchPlaces : TapsAndChannels {
  static constexpr bool depth_first = true;
  using Line = PixelLine;

  __device__ Line line(int group, int row) const {
    Pixel at = pixel(g.pool ? row / rows_of_eight_blocks * mma_rows_apart + row % mma_rows_apart : row, g.y_height(),
                     g.y_width());
    if (at.image >= g.batch) return {0, nowhere, nowhere};
    if (g.pool) {
      const int place = row / mma_rows_apart % mma_square;
      at = {at.image, 2 * at.row + place / 2, 2 * at.column + place % 2};
    }
    return {at.image * g.height.input * g.width.input * g.in_channels + group * channels, g.height.cell(at.row, 0),
            g.width.cell(at.column, 0)};
  }
  __device__ int place(const Line& line, const Depth& at) const {
    const int row = line.row + at.tap_row * g.height.dilation, column = line.column + at.tap_column * g.width.dilation;
    if (!g.height.inside(row) || !g.width.inside(column)) return -1;
    return line.first + (row * g.width.input + column) * g.in_channels + at.channel;
  }
};

// Right operands whose rows are rows in memory: the weights forward, dz for dw.
MatrixPlaces<false> matrix_of_channels(View<const float> data, const Conv2dGeometry& g) {
  return {data, 1, g.out_channels, g.out_per_group()};
}

struct StoreY {
  View<const float> bias;
  View<float> y;
  View<std::uint8_t> argmax;
  Conv2dGeometry g;
  int group_columns, positions;  // positions: rows of y
  __device__ void operator()(int group, int, int row, int column, const float (&sums)[mma_square]) const {
    const int out = group * group_columns + column;
    float values[mma_square];
    for (int i = 0; i < mma_square; ++i) values[i] = activate(g.bias ? sums[i] + bias[out] : sums[i], g.activation);
    if (!g.pool) {
      for (int i = 0; i < mma_square; ++i) {
        const int position = row + i * mma_rows_apart;
        if (position < positions) y[position * g.out_channels + out] = values[i];
      }
      return;
    }
    const int position = row / rows_of_eight_blocks * mma_rows_apart + row % mma_rows_apart;
    if (position < positions) store_maximum(values, y, argmax, position * g.out_channels + out, g.activation);
  }
};

// dx, left: line = pixel of x, depth = (tap, output channel); data is dz, taken where the tap lands on the pixel.
struct GradientPlaces : TapsAndChannels {
  static constexpr bool depth_first = true;
  using Line = PixelLine;

  __device__ Line line(int group, int row) const {
    const Pixel at = pixel(row, g.height.input, g.width.input);
    return {at.image * g.height.output * g.width.output * g.out_channels + group * channels, at.row, at.column};
  }
  __device__ int place(const Line& line, const Depth& at) const {
    const int row = position_over(g.height, line.row, at.tap_row);
    const int column = position_over(g.width, line.column, at.tap_column);
    if (row < 0 || column < 0) return -1;
    return line.first + (row * g.width.output + column) * g.out_channels + at.channel;
  }
};

// dx, right: line = input channel, depth = (tap, output channel); data is w.
struct ExchangedWeightPlaces : TapsAndChannels {
  static constexpr bool depth_first = true;
  using Line = int;
  int tap_size;  // weights of a tap

  __device__ Line line(int group, int in) const { return in * g.out_channels + group * channels; }
  __device__ int place(Line line, const Depth& at) const {
    return (at.tap_row * g.width.kernel + at.tap_column) * tap_size + line + at.channel;
  }
};

struct StoreDx {
  View<float> dx;
  int in_channels, group_columns, rows;
  __device__ void operator()(int group, int, int row, int column, const float (&sums)[mma_square]) const {
    for (int i = 0; i < mma_square; ++i) {
      const int pixel_index = row + i * mma_rows_apart;
      if (pixel_index < rows) dx[pixel_index * in_channels + group * group_columns + column] = sums[i];
    }
  }
};

// dw, left: line = (tap, input channel), depth = position.
struct TransposedPatchPlaces {
  static constexpr bool depth_first = false;
  using Line = PixelLine;  // the cell under the tap at position (0, 0), and the channel
  using Depth = Pixel;
  View<const float> data;  // x
  Conv2dGeometry g;
  int channels;  // in_per_group

  __device__ Line line(int group, int row) const {
    const TapChannel under = tap_channel(row, g.width.kernel, channels);
    return {group * channels + under.channel, g.height.cell(0, under.tap_row), g.width.cell(0, under.tap_column)};
  }
  __device__ Depth depth(int position) const { return pixel(position, g.height.output, g.width.output); }
  __device__ void advance(Depth& at, int by) const {
    for (at.column += by; at.column >= g.width.output; at.column -= g.width.output)
      if (++at.row == g.height.output) at.row = 0, ++at.image;
  }
  __device__ int place(const Line& line, const Depth& at) const {
    const int row = line.row + at.row * g.height.stride, column = line.column + at.column * g.width.stride;
    if (!g.height.inside(row) || !g.width.inside(column)) return -1;
    return ((at.image * g.height.input + row) * g.width.input + column) * g.in_channels + line.first;
  }
};

struct StorePart {
  View<float> partial;
  int out_channels, group_columns, rows;
  __device__ void operator()(int group, int part, int row, int column, const float (&sums)[mma_square]) const {
    for (int i = 0; i < mma_square; ++i) {
      const int weight = row + i * mma_rows_apart;
      if (weight < rows) partial[(part * rows + weight) * out_channels + group * group_columns + column] = sums[i];
    }
  }
};

}  // namespace

void conv2d_forward_tensor_cores(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                                 View<std::uint8_t> argmax, const Conv2dGeometry& g) {
  const char* const name = "conv2d_forward";
  const int in = g.in_per_group(), out = g.out_per_group(), depth = g.height.kernel * g.width.kernel * in;
  const int positions = g.batch * g.y_height() * g.y_width();
  const std::int64_t rows = g.pool ? divide_up(positions, mma_rows_apart) * rows_of_eight_blocks : positions;
  launch_product_tensor_cores(
      name, PatchPlaces{{x, g, in}}, matrix_of_channels(w, g), StoreY{bias, y, argmax, g, out, positions},
      {.rows = index_count(name, rows), .columns = out, .depth = depth, .batches = g.groups, .part_depth = depth},
      in_fours(x, in) && in_fours(w, out));
}

void conv2d_backward_input_tensor_cores(View<const float> dz, View<const float> w, View<float> dx,
                                        const Conv2dGeometry& g) {
  const int in = g.in_per_group(), out = g.out_per_group(), depth = g.height.kernel * g.width.kernel * out;
  const int rows = g.batch * g.height.input * g.width.input;
  launch_product_tensor_cores("conv2d_backward_input", GradientPlaces{{dz, g, out}},
                              ExchangedWeightPlaces{{w, g, out}, in * g.out_channels},
                              StoreDx{dx, g.in_channels, in, rows},
                              {.rows = rows, .columns = in, .depth = depth, .batches = g.groups, .part_depth = depth},
                              in_fours(dz, out) && in_fours(w, out));
}

void conv2d_backward_weights_tensor_cores(View<const float> x, View<const float> dz, View<float> dw,
                                          const Conv2dGeometry& g) {
  const char* const name = "conv2d_backward_weights";
  const int in = g.in_per_group(), out = g.out_per_group();
  const int rows = g.height.kernel * g.width.kernel * in;
  const ProductShape shape = weight_gradient_shape(g, mma_rows, mma_columns(out));
  sum_weights_in_parts(name, dw, shape, [&](const ProductShape& shape, View<float> partial) {
    launch_product_tensor_cores(name, TransposedPatchPlaces{x, g, in}, matrix_of_channels(dz, g),
                                StorePart{partial, g.out_channels, out, rows}, shape,
                                in_fours(x, in) && in_fours(dz, out));
  });
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
