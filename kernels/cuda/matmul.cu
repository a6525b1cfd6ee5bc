// Matrix products: c = op(a) · op(b), and the dense layer, y = activation(x · w + bias).
//
// matmul_naive: one thread for each element of the result walks along a row of a and a column of b. It is the
// definition, and it is slow: every value is read from memory as often as it is used. product_tiled (product.cuh)
// shares what it reads within a block, and product_tensor_cores (product_tensor_cores.cuh) does the same on tensor
// cores where the precision allows. The naive kernel is kept for results so narrow that a tile would be mostly empty.
#include "mien/kernels/cuda/product_tensor_cores.cuh"
#include "mien/kernels/cuda/tensor_cores.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

// A matrix in memory, perhaps transposed: element (i, j) lies at i * row_step + j * column_step.
struct Matrix {
  View<const float> data;
  int row_step, column_step;
  __device__ float operator()(int row, int column) const { return data[row * row_step + column * column_step]; }
  /// Whether what lies side by side in memory can be copied by fours.
  bool is_in_fours() const { return in_fours(data, row_step == 1 ? column_step : row_step); }
};

Matrix stored(View<const float> data, int columns) { return {data, columns, 1}; }
Matrix transposed(View<const float> data, int stored_columns) { return {data, 1, stored_columns}; }

// What becomes of a sum: activation(sum + bias), the bias perhaps absent.
struct Output {
  View<const float> bias;
  View<float> y;
  int columns;
  Activation activation;
  __device__ void write(int row, int column, float sum) const {
    const float z = bias.empty() ? sum : sum + bias[column];
    y[row * columns + column] = activate(z, activation);
  }
};

__global__ void matmul_naive(Matrix a, Matrix b, Output output, ProductShape shape) {
  const int i = global_thread();
  const int row = i / shape.columns, column = i % shape.columns;
  if (row >= shape.rows) return;
  float sum = 0.0f;
  for (int start = 0; start < shape.depth; start += product_depth) {
    float step = 0.0f;
    for (int l = start; l < start + product_depth && l < shape.depth; ++l) step += a(row, l) * b(l, column);
    sum += step;
  }
  output.write(row, column, sum);
}

template <bool is_depth_first>
struct LeftElement {
  static constexpr bool depth_first = is_depth_first;
  Matrix a;
  __device__ float operator()(int, int row, int depth) const { return a(row, depth); }
};

struct RightElement {
  Matrix b;
  __device__ float operator()(int, int depth, int column) const { return b(depth, column); }
};

struct StoreRows {
  Output output;
  int rows;
  __device__ void operator()(int, int, int row, int column, const float (&sums)[product_square]) const {
    for (int i = 0; i < product_square && row + i < rows; ++i) output.write(row + i, column, sums[i]);
  }
};

// The same for rows that lie apart.
struct StoreRowsApart {
  Output output;
  int rows;
  __device__ void operator()(int, int, int row, int column, const float (&sums)[mma_square]) const {
    for (int i = 0; i < mma_square; ++i)
      if (row + i * mma_rows_apart < rows) output.write(row + i * mma_rows_apart, column, sums[i]);
  }
};

// Four kernels, by the order in which the operands lie in memory.
void multiply_on_tensor_cores(const char* name, Matrix a, Matrix b, Output output, ProductShape shape) {
  const auto start = [&](auto left, auto right) {
    launch_product_tensor_cores(name, left, right, StoreRowsApart{output, shape.rows}, shape,
                                a.is_in_fours() && b.is_in_fours());
  };
  const auto start_with = [&](auto left) {
    if (b.column_step == 1)
      start(left, MatrixPlaces<false>{b.data, 1, b.row_step});
    else
      start(left, MatrixPlaces<true>{b.data, b.column_step, 1});
  };
  if (a.column_step == 1)
    start_with(MatrixPlaces<true>{a.data, a.row_step, 1});
  else
    start_with(MatrixPlaces<false>{a.data, 1, a.column_step});
}

void multiply(const char* name, Matrix a, Matrix b, Output output, int rows, int columns, int depth) {
  index_count(name, std::int64_t{rows} * depth);
  index_count(name, std::int64_t{depth} * columns);
  const ProductShape shape{.rows = rows, .columns = columns, .depth = depth, .part_depth = depth > 0 ? depth : 1};
  const bool narrow = rows < product_tile / 4 || columns < product_tile / 4;
  if (narrow || depth == 0)
    launch_each(name, matmul_naive, std::int64_t{rows} * columns, a, b, output, shape);
  else if (use_tensor_cores())
    multiply_on_tensor_cores(name, a, b, output, shape);
  else if (a.column_step == 1)
    launch_product(name, LeftElement<true>{a}, RightElement{b}, StoreRows{output, rows}, shape);
  else
    launch_product(name, LeftElement<false>{a}, RightElement{b}, StoreRows{output, rows}, shape);
}

}  // namespace

void matmul(View<const float> a, View<const float> b, View<float> c, MatmulGeometry g) {
  multiply("matmul", g.transpose_a ? transposed(a, g.m) : stored(a, g.k),
           g.transpose_b ? transposed(b, g.k) : stored(b, g.n), {.bias = {}, .y = c, .columns = g.n, .activation = {}},
           g.m, g.n, g.k);
}

void dense_forward(View<const float> x, View<const float> w, View<const float> bias, View<float> y, DenseGeometry g) {
  const View<const float> added = g.bias ? bias : View<const float>{};
  multiply("dense_forward", stored(x, g.in), stored(w, g.out),
           {.bias = added, .y = y, .columns = g.out, .activation = g.activation}, g.rows, g.out, g.in);
}

// The kernel reads the weights as they are.
void dense_prepared_size(DenseGeometry g, std::int64_t* size) { *size = std::int64_t{g.in} * g.out; }

void dense_prepare(View<const float> w, View<float> prepared, DenseGeometry) {
  copy(w.data, prepared.data, static_cast<std::size_t>(w.size) * sizeof(float));
}

void dense_forward_prepared(View<const float> x, View<const float> prepared, View<const float> bias, View<float> y,
                            DenseGeometry g) {
  dense_forward(x, prepared, bias, y, g);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
