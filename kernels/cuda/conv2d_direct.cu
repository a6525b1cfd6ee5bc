// The convolution, direct: loops as in conv2d.cu, but what neighbours read in common is read once.
//
// A block computes 16 x 16 positions of one image for 8 output channels. The part of x under them, edges included, and
// the weights are brought into shared memory, as many input channels at a time as fit; zeros stand where x ends, so the
// inner loop asks no questions. A pixel is then used by up to kernel x kernel positions and 8 channels for one trip to
// memory. A thread keeps the sums of its positions in registers: one position, or with the pool the four of a 2x2
// block, which never reach memory at all. The order of a sum does not depend on the pool, so fused and unfused agree to
// the bit.
//
// The weights' gradient is the other way round: few results, each a sum over every position of the batch. So it is a
// sum of columns (reduce.cuh): weights side by side are columns, positions rows.
#include "mien/kernels/cuda/conv2d.cuh"
#include "mien/kernels/cuda/reduce.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

constexpr int tile_side = 16;
constexpr int slab = 8;         // output channels of a block
constexpr int most_chunk = 16;  // input channels at a time
constexpr int shared_floats = 48 * 1024 / static_cast<int>(sizeof(float));

// What a block holds in shared memory: cells [row][column][channel of the chunk], weights [tap][channel][slab].
struct DirectTile {
  int rows, columns;  // of x under 16 x 16 positions
  int taps;
  int chunk;  // 0: not even one channel fits
  MIEN_HOST_DEVICE int cells() const { return rows * columns * chunk; }
  MIEN_HOST_DEVICE int weights() const { return taps * chunk * slab; }
};

DirectTile direct_tile(const Conv2dGeometry& g) {
  const std::int64_t rows = std::int64_t{tile_side - 1} * g.height.stride + g.height.extent();
  const std::int64_t columns = std::int64_t{tile_side - 1} * g.width.stride + g.width.extent();
  const std::int64_t taps = std::int64_t{g.height.kernel} * g.width.kernel;
  const std::int64_t fits = shared_floats / (rows * columns + taps * slab);
  const std::int64_t wanted = g.in_per_group() < most_chunk ? g.in_per_group() : most_chunk;
  return {static_cast<int>(rows), static_cast<int>(columns), static_cast<int>(taps),
          static_cast<int>(fits < wanted ? fits : wanted)};
}

template <bool pooled>
__global__ void conv2d_forward_tiled(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                                     View<std::uint8_t> argmax, Conv2dGeometry g, DirectTile tile) {
  constexpr int positions = pooled ? 4 : 1;                   // of a thread
  constexpr int y_side = pooled ? tile_side / 2 : tile_side;  // of the tile, in elements of y
  constexpr int threads = y_side * y_side;
  const shared_pointer<float> cells = dynamic_shared<float>();
  const shared_pointer<float> weights = cells + tile.cells();
  const int thread = static_cast<int>(threadIdx.x), image = static_cast<int>(blockIdx.z);
  const int tiles_across = static_cast<int>(divide_up(g.y_width(), y_side));
  const int y_row = static_cast<int>(blockIdx.x) / tiles_across * y_side,
            y_column = static_cast<int>(blockIdx.x) % tiles_across * y_side;
  const int slabs = static_cast<int>(divide_up(g.out_per_group(), slab));
  const int group = static_cast<int>(blockIdx.y) / slabs, first_out = static_cast<int>(blockIdx.y) % slabs * slab;
  // The tile's first position, in the convolution's own output, and the cell of x under its first tap.
  const int scale = pooled ? 2 : 1;
  const int x_row = g.height.cell(scale * y_row, 0), x_column = g.width.cell(scale * y_column, 0);

  float sums[positions][slab] = {};
  for (int first_in = 0; first_in < g.in_per_group(); first_in += tile.chunk) {
    for (int i = thread; i < tile.cells(); i += threads) {
      const int in = first_in + i % tile.chunk, column = x_column + i / tile.chunk % tile.columns;
      const int row = x_row + i / tile.chunk / tile.columns;
      const bool inside = g.height.inside(row) && g.width.inside(column) && in < g.in_per_group();
      const int cell = (image * g.height.input + row) * g.width.input + column;
      cells[i] = inside ? x[cell * g.in_channels + group * g.in_per_group() + in] : 0.0f;
    }
    for (int i = thread; i < tile.weights(); i += threads) {
      const int out = first_out + i % slab, in = first_in + i / slab % tile.chunk, tap = i / slab / tile.chunk;
      const bool inside = out < g.out_per_group() && in < g.in_per_group();
      weights[i] = inside ? w[(tap * g.in_per_group() + in) * g.out_channels + group * g.out_per_group() + out] : 0.0f;
    }
    __syncthreads();
    for (int i = 0; i < g.height.kernel; ++i)
      for (int j = 0; j < g.width.kernel; ++j)
        for (int in = 0; in < tile.chunk; ++in) {
          const int first_weight = ((i * g.width.kernel + j) * tile.chunk + in) * slab;
          float weight[slab];  // registers
          for (int out = 0; out < slab; ++out) weight[out] = weights[first_weight + out];
          for (int position = 0; position < positions; ++position) {
            const int row = scale * (thread / y_side) + position / 2, column = scale * (thread % y_side) + position % 2;
            const int cell = (row * g.height.stride + i * g.height.dilation) * tile.columns + column * g.width.stride +
                             j * g.width.dilation;
            const float value = cells[cell * tile.chunk + in];
            for (int out = 0; out < slab; ++out) sums[position][out] += value * weight[out];
          }
        }
    __syncthreads();
  }

  const int row = y_row + thread / y_side, column = y_column + thread % y_side;
  if (row >= g.y_height() || column >= g.y_width()) return;
  for (int i = 0; i < slab && first_out + i < g.out_per_group(); ++i) {
    const int out = group * g.out_per_group() + first_out + i;
    const int place = ((image * g.y_height() + row) * g.y_width() + column) * g.out_channels + out;
    float values[positions];
    for (int position = 0; position < positions; ++position)
      values[position] = activate(g.bias ? sums[position][i] + bias[out] : sums[position][i], g.activation);
    if constexpr (pooled)
      store_maximum(values, y, argmax, place, g.activation);
    else
      y[place] = values[0];
  }
}

// x at one position under the tap of a weight, times dz there.
struct WeightTerm {
  View<const float> x, dz;
  Conv2dGeometry g;
  __device__ double operator()(int weight, int position) const {
    const int out = weight % g.out_channels, in = weight / g.out_channels % g.in_per_group();
    const int tap = weight / g.out_channels / g.in_per_group();
    const Pixel at = pixel(position, g.height.output, g.width.output);
    const int row = g.height.cell(at.row, tap / g.width.kernel), column = g.width.cell(at.column, tap % g.width.kernel);
    if (!g.height.inside(row) || !g.width.inside(column)) return 0.0;
    const int cell = (at.image * g.height.input + row) * g.width.input + column;
    const int channel = out / g.out_per_group() * g.in_per_group() + in;
    return x[cell * g.in_channels + channel] * dz[position * g.out_channels + out];
  }
};

struct WriteSum {
  View<float> dw;
  __device__ void operator()(int weight, double sum) const { dw[weight] = static_cast<float>(sum); }
};

}  // namespace

bool conv2d_direct_fits(const Conv2dGeometry& g) { return direct_tile(g).chunk > 0; }

void conv2d_forward_direct(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                           View<std::uint8_t> argmax, const Conv2dGeometry& g) {
  const char* const name = "conv2d_forward";
  const DirectTile tile = direct_tile(g);
  const int y_side = g.pool ? tile_side / 2 : tile_side;
  const std::int64_t tiles = divide_up(g.y_height(), y_side) * divide_up(g.y_width(), y_side);
  const std::int64_t slabs = g.groups * divide_up(g.out_per_group(), slab);
  const dim3 grid(static_cast<unsigned>(index_count(name, tiles)), grid_extent(name, slabs),
                  grid_extent(name, g.batch));
  const dim3 block(static_cast<unsigned>(y_side * y_side));
  const std::size_t shared_bytes = sizeof(float) * static_cast<std::size_t>(tile.cells() + tile.weights());
  launch(name, g.pool ? conv2d_forward_tiled<true> : conv2d_forward_tiled<false>, grid, block, shared_bytes, x, w, bias,
         y, argmax, g, tile);
}

void conv2d_backward_weights_direct(View<const float> x, View<const float> dz, View<float> dw,
                                    const Conv2dGeometry& g) {
  const std::int64_t positions = std::int64_t{g.batch} * g.height.output * g.width.output;
  sum_columns("conv2d_backward_weights", WeightTerm{x, dz, g}, WriteSum{dw}, dw.size, positions);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
