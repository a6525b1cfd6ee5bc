// The program of docs/debugging_a_kernel.md: c = a · b for matrices of 8 x 8, by a grid of 2 x 2 blocks of 4 x 4
// threads, each block a tile of the result. Compiled for the emulator, without optimisation.
#define MIEN_KERNELS_EMULATED
#include <cstdio>
#include <vector>

#include "mien/kernels/cuda/launch.h"

namespace mien::kernels::emulated {

constexpr int size = 8, tile = 4;

__global__ void multiply(View<const float> a, View<const float> b, View<float> c) {
  __shared__ shared_array<float, tile, tile> a_tile, b_tile;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int row = static_cast<int>(blockIdx.y) * tile + y, column = static_cast<int>(blockIdx.x) * tile + x;
  float sum = 0.0f;
  for (int start = 0; start < size; start += tile) {
    a_tile[y][x] = a[row * size + start + x];
    b_tile[y][x] = b[(start + y) * size + column];
    __syncthreads();
    for (int i = 0; i < tile; ++i) sum += a_tile[y][i] * b_tile[i][x];
    __syncthreads();
  }
  c[row * size + column] = sum;
}

}  // namespace mien::kernels::emulated

int main() {
  using namespace mien;
  using namespace mien::kernels::emulated;
  std::vector<float> a(size * size), b(size * size), c(size * size);
  for (int i = 0; i < size * size; ++i) {
    a[static_cast<std::size_t>(i)] = static_cast<float>(i);
    b[static_cast<std::size_t>(i)] = i / size + i % size == size - 1 ? 1.0f : 0.0f;  // c must be a, its rows mirrored
  }
  launch("multiply", multiply, dim3(size / tile, size / tile), dim3(tile, tile), 0, View<const float>{a.data(), 64},
         View<const float>{b.data(), 64}, View<float>{c.data(), 64});
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) std::printf("%3g", c[static_cast<std::size_t>(row * size + column)]);
    std::printf("\n");
  }
}
