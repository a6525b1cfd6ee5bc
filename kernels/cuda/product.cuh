// The tiled matrix product, with operands that need not exist as matrices.
//
// c[i][j] is the sum over l of left(i, l) * right(l, j). A thread for each c[i][j] would read 2 values from memory for
// every multiply-add, and memory is slower than arithmetic by a factor of 50. So a block of 256 threads computes a tile
// of 64 x 64 results together: it brings 64 rows of `left` and 64 columns of `right`, 16 deep, into shared memory,
// where each value is used 64 times. Each thread holds 4 x 4 results in registers, so of the values that it takes from
// shared memory each is used 4 times more. Then the next 16, until the depth is done.
//
// `left`, `right` and `store` are functors. For a matrix product the first two look up an element; for a convolution
// they look up the pixel and the weight that the element stands for, so the matrix of patches is never built.
//
// The 16 products of a step are summed before they join the total: a long sum loses less that way. The sums of the
// plain kernel in matmul.cu are cut in the same places, so both give the same bits.
#pragma once

#include "mien/kernels/cuda/launch.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

inline constexpr int product_tile = 64, product_depth = 16;
/// Results along each side of a thread's square: rows that are neighbours, columns 16 apart.
inline constexpr int product_square = 4;
inline constexpr int product_columns_apart = product_tile / product_square;

/// Rows, columns and depth of a product; `batches` products beside each other; the depth cut into parts that separate
/// blocks sum, for `store` to keep apart.
struct ProductShape {
  int rows = 1, columns = 1, depth = 1;
  int batches = 1;
  int part_depth = 1;

  MIEN_HOST_DEVICE int parts() const { return static_cast<int>(divide_up(depth, part_depth)); }
};

/// left(batch, row, depth), right(batch, depth, column); store(batch, part, row, column, sums) takes the sums of rows
/// row … row + 3. `Left::depth_first`: neighbours along the depth lie side by side in memory.
template <class Left, class Right, class Store>
__global__ void product_tiled(Left left, Right right, Store store, ProductShape shape) {
  // One column more, so that a column spreads over the banks.
  __shared__ shared_array<float, product_depth, product_tile + 1> left_tile, right_tile;
  const int thread = static_cast<int>(threadIdx.x);
  const int first_row = static_cast<int>(blockIdx.x) * product_tile;
  const int first_column = static_cast<int>(blockIdx.y) * product_tile;
  const int parts = shape.parts();
  const int batch = static_cast<int>(blockIdx.z) / parts, part = static_cast<int>(blockIdx.z) % parts;
  const int depth_begin = part * shape.part_depth;
  const int depth_end = shape.depth - depth_begin < shape.part_depth ? shape.depth : depth_begin + shape.part_depth;
  const int thread_row = thread / product_columns_apart * product_square,
            thread_column = thread % product_columns_apart;

  float sums[product_square][product_square] = {};
  for (int start = depth_begin; start < depth_end; start += product_depth) {
    for (int i = thread; i < product_tile * product_depth; i += block_threads) {
      // Neighbouring threads read what lies side by side in memory.
      const int row = Left::depth_first ? i / product_depth : i % product_tile;
      const int depth = Left::depth_first ? i % product_depth : i / product_tile;
      const bool inside = first_row + row < shape.rows && start + depth < depth_end;
      left_tile[depth][row] = inside ? left(batch, first_row + row, start + depth) : 0.0f;
    }
    for (int i = thread; i < product_tile * product_depth; i += block_threads) {
      const int column = i % product_tile, depth = i / product_tile;
      const bool inside = first_column + column < shape.columns && start + depth < depth_end;
      right_tile[depth][column] = inside ? right(batch, start + depth, first_column + column) : 0.0f;
    }
    __syncthreads();
    float step[product_square][product_square] = {};
    for (int depth = 0; depth < product_depth; ++depth) {
      float rows[product_square], columns[product_square];  // registers
      for (int i = 0; i < product_square; ++i) {
        rows[i] = left_tile[depth][thread_row + i];
        columns[i] = right_tile[depth][thread_column + i * product_columns_apart];
      }
      for (int i = 0; i < product_square; ++i)
        for (int j = 0; j < product_square; ++j) step[i][j] += rows[i] * columns[j];
    }
    for (int i = 0; i < product_square; ++i)
      for (int j = 0; j < product_square; ++j) sums[i][j] += step[i][j];
    __syncthreads();  // the tiles are overwritten only when all have read them
  }

  const int row = first_row + thread_row;
  for (int j = 0; j < product_square; ++j) {
    const int column = first_column + thread_column + j * product_columns_apart;
    const float column_sums[product_square] = {sums[0][j], sums[1][j], sums[2][j], sums[3][j]};
    if (row < shape.rows && column < shape.columns) store(batch, part, row, column, column_sums);
  }
}

/// Starts product_tiled on as many tiles as cover the result.
template <class Left, class Right, class Store>
void launch_product(const char* name, Left left, Right right, Store store, ProductShape shape) {
  const dim3 grid(static_cast<unsigned>(divide_up(shape.rows, product_tile)),
                  grid_extent(name, divide_up(shape.columns, product_tile)),
                  grid_extent(name, std::int64_t{shape.batches} * shape.parts()));
  launch(name, product_tiled<Left, Right, Store>, grid, dim3(block_threads), 0, left, right, store, shape);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
