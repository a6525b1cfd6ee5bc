// Sums over axes, and the sums of a whole array: penalties, squared norms, and whether everything is finite.
//
// How a long sum is split among threads is told in reduce.cuh; here stands what is summed. A sum over the leading axis
// of a (rows, columns) array, the gradient of a bias, goes column by column: were each column a block's own, its
// threads would read every columns-th float and waste most of what memory delivers.
#include "mien/kernels/cuda/reduce.cuh"
#include "mien/kernels/settings.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

struct Element {
  View<const float> x;
  ReduceGeometry g;
  __device__ double operator()(int kept, int i) const { return x[g.x_offset(kept, i)]; }
};

struct ColumnElement {
  View<const float> x;
  int columns;
  __device__ double operator()(int column, int row) const { return x[std::int64_t{row} * columns + column]; }
};

struct WriteScaled {
  View<float> y;
  float scale;
  __device__ void operator()(int kept, double sum) const { y[kept] = static_cast<float>(scale * sum); }
};

struct Square {
  View<const float> x;
  __device__ double operator()(int, int i) const { return double{x[i]} * x[i]; }
};

struct PenaltyTerm {
  View<const float> w;
  float l1, l2;
  __device__ double operator()(int, int i) const {
    const double value = w[i];
    return l1 * (value < 0 ? -value : value) + l2 * value * value;
  }
};

__global__ void reduce_sum_adjoint_each(View<const float> y, View<float> x, ReduceGeometry g) {
  const int i = global_thread();
  if (i >= x.size) return;
  std::int64_t place = i, kept = 0, stride = 1;
  for (int axis = g.axes - 1; axis >= 0; --axis) {
    if (!g.reduced[axis]) kept += place % g.extent[axis] * stride, stride *= g.extent[axis];
    place /= g.extent[axis];
  }
  x[i] = g.scale * y[kept];
}

__global__ void penalty_backward_each(View<const float> w, View<const float> dpenalty, View<float> dw, float l1,
                                      float l2) {
  const int i = global_thread();
  if (i >= dw.size) return;
  const float value = w[i];
  const float sign = value > 0.0f ? 1.0f : value < 0.0f ? -1.0f : value;  // 0 at 0, NaN at NaN
  dw[i] = dpenalty[0] * (l1 * sign + 2.0f * l2 * value);
}

// Many threads may write, all the same value.
__global__ void note_finite_each(View<const float> x, View<float> state) {
  const int i = global_thread();
  if (i < x.size && !(x[i] - x[i] == 0.0f)) state[state_finite] = 0.0f;
}

// Whether every summed axis comes before every kept one: the sum of each column of a (rows, columns) array.
bool sums_columns(const ReduceGeometry& g) {
  bool kept = false;
  for (int axis = 0; axis < g.axes; ++axis) {
    if (g.reduced[axis] && kept && g.extent[axis] > 1) return false;
    kept = kept || (!g.reduced[axis] && g.extent[axis] > 1);
  }
  return kept;
}

}  // namespace

void reduce_sum(View<const float> x, View<float> y, ReduceGeometry g) {
  const WriteScaled finish{y, g.scale};
  index_count("reduce_sum", x.size);
  const std::int64_t kept = g.product(false), summed = g.product(true);
  if (summed > short_sum && sums_columns(g))
    sum_columns("reduce_sum", ColumnElement{x, static_cast<int>(kept)}, finish, kept, summed);
  else
    sum_each("reduce_sum", Element{x, g}, finish, kept, summed);
}

void reduce_sum_adjoint(View<const float> y, View<float> x, ReduceGeometry g) {
  launch_each("reduce_sum_adjoint", reduce_sum_adjoint_each, x.size, y, x, g);
}

void penalty_forward(View<const float> w, View<float> penalty, float l1, float l2) {
  sum_each("penalty_forward", PenaltyTerm{w, l1, l2}, WriteScaled{penalty, 1.0f}, 1, w.size);
}

void penalty_backward(View<const float> w, View<const float> dpenalty, View<float> dw, float l1, float l2) {
  launch_each("penalty_backward", penalty_backward_each, dw.size, w, dpenalty, dw, l1, l2);
}

void sum_of_squares(View<const float> x, View<float> y) {
  sum_each("sum_of_squares", Square{x}, WriteScaled{y, 1.0f}, 1, x.size);
}

void note_finite(View<const float> x, View<float> state) {
  launch_each("note_finite", note_finite_each, x.size, x, state);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
