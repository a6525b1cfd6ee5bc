// Element-wise ops: each element of the result depends on one element of each input.
//
// One thread for each element, in the order of memory: the 32 threads of a warp read 32 neighbouring floats, which the
// card fetches as one piece. These kernels do next to no arithmetic and are as fast as memory is; the only way to make
// one faster is to fuse it into the kernel before it, which spares the trip to memory. Dropout shows the other cost: a
// Philox block gives four random words, so there a thread takes four elements.
#include "mien/kernels/cuda/launch.h"
#include "mien/kernels/philox.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

__global__ void scale_bytes_each(View<const std::uint8_t> x, View<float> y, float scale, float offset) {
  const int i = global_thread();
  if (i < y.size) y[i] = scale * static_cast<float>(x[i]) + offset;
}

__global__ void affine_each(View<const float> x, View<float> y, float scale, float offset) {
  const int i = global_thread();
  if (i < y.size) y[i] = scale * x[i] + offset;
}

__global__ void activation_forward_each(View<const float> x, View<float> y, Activation activation) {
  const int i = global_thread();
  if (i < y.size) y[i] = activate(x[i], activation);
}

__global__ void activation_backward_each(View<const float> y, View<const float> dy, View<float> dx,
                                         Activation activation) {
  const int i = global_thread();
  if (i < dx.size) dx[i] = dy[i] * activation_slope(y[i], activation);
}

__global__ void binary_forward_each(View<const float> a, View<const float> b, View<float> y, BroadcastGeometry g,
                                    BinaryKind kind) {
  const int i = global_thread();
  if (i >= y.size) return;
  std::int64_t a_offset = 0, b_offset = 0;
  g.offsets(i, a_offset, b_offset);
  y[i] = apply_binary(kind, a[a_offset], b[b_offset]);
}

// One thread for the four elements of one Philox block.
__global__ void dropout_block(View<const float> x, View<const std::int32_t> step, View<float> y, DropoutGeometry g,
                              float scale) {
  const int block = global_thread();
  const int begin = 4 * block;
  if (begin >= y.size) return;
  const PhiloxBlock random =
      philox(g.seed, g.stream + static_cast<std::uint64_t>(step[0]), static_cast<std::uint64_t>(block));
  for (int i = 0; i < 4 && begin + i < y.size; ++i)
    y[begin + i] = uniform_from_word(random.word[i]) < g.rate ? 0.0f : x[begin + i] * scale;
}

}  // namespace

void scale_bytes(View<const std::uint8_t> x, View<float> y, float scale, float offset) {
  launch_each("scale_bytes", scale_bytes_each, y.size, x, y, scale, offset);
}

void affine(View<const float> x, View<float> y, float scale, float offset) {
  launch_each("affine", affine_each, y.size, x, y, scale, offset);
}

void activation_forward(View<const float> x, View<float> y, Activation activation) {
  launch_each("activation_forward", activation_forward_each, y.size, x, y, activation);
}

void activation_backward(View<const float> y, View<const float> dy, View<float> dx, Activation activation) {
  launch_each("activation_backward", activation_backward_each, dx.size, y, dy, dx, activation);
}

void binary_forward(View<const float> a, View<const float> b, View<float> y, BroadcastGeometry g, BinaryKind kind) {
  launch_each("binary_forward", binary_forward_each, y.size, a, b, y, g, kind);
}

void dropout(View<const float> x, View<const std::int32_t> step, View<float> y, DropoutGeometry g) {
  const float scale = 1.0f / (1.0f - g.rate);
  launch_each("dropout", dropout_block, divide_up(index_count("dropout", y.size), 4), x, step, y, g, scale);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
