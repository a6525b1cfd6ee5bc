// Softmax, its cross-entropy, and what else works on whole rows.
//
// One warp for each row. A thread for each row would be simpler, but neighbouring threads would then read addresses a
// row apart, and a row of 1000 classes would keep one thread busy alone. The 32 threads of a warp take every 32nd
// element and exchange sums and maxima by shuffles, which need neither shared memory nor a barrier. All of a warp has
// the same row, so all of it or none of it leaves early: a shuffle must be reached by all.
//
// The largest value is subtracted before exp: it cancels, and without it exp(89) is infinite.
#include "mien/kernels/cuda/reduce.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

constexpr int rows_per_block = block_threads / warp_threads;

__device__ int lane() { return static_cast<int>(threadIdx.x) % warp_threads; }

// The row of this warp.
__device__ std::int64_t warp_row() {
  return std::int64_t{blockIdx.x} * rows_per_block + static_cast<int>(threadIdx.x) / warp_threads;
}

// The largest of a row, and the sum of exp(value - largest).
struct RowScale {
  float largest, sum;
};

__device__ RowScale scale_of(View<const float> x, std::int64_t first, int channels) {
  float largest = x[first];
  for (int c = lane(); c < channels; c += warp_threads) largest = larger(largest, x[first + c]);
  largest = warp_maximum(largest);
  float sum = 0.0f;
  for (int c = lane(); c < channels; c += warp_threads) sum += std::exp(x[first + c] - largest);
  return {largest, warp_sum(sum)};
}

__global__ void softmax_forward_row(View<const float> x, View<float> y, RowsGeometry g) {
  const std::int64_t row = warp_row(), first = row * g.channels;
  if (row >= g.rows) return;
  const RowScale scale = scale_of(x, first, g.channels);
  for (int c = lane(); c < g.channels; c += warp_threads)
    y[first + c] = std::exp(x[first + c] - scale.largest) / scale.sum;
}

// dx = y * (dy - sum(dy * y))
__global__ void softmax_backward_row(View<const float> y, View<const float> dy, View<float> dx, RowsGeometry g) {
  const std::int64_t row = warp_row(), first = row * g.channels;
  if (row >= g.rows) return;
  double sum = 0;
  for (int c = lane(); c < g.channels; c += warp_threads) sum += double{dy[first + c]} * y[first + c];
  sum = warp_sum(sum);
  for (int c = lane(); c < g.channels; c += warp_threads)
    dx[first + c] = static_cast<float>(y[first + c] * (dy[first + c] - sum));
}

__global__ void one_hot_each(View<const std::int32_t> labels, View<float> targets, int channels, float smoothing) {
  const int i = global_thread();
  if (i >= targets.size) return;
  const float elsewhere = smoothing / static_cast<float>(channels);
  const int label = labels[i / channels];
  if (label < 0 || label >= channels)
    targets[i] = NAN;
  else
    targets[i] = i % channels == label ? 1.0f - smoothing + elsewhere : elsewhere;
}

// loss = weight * sum(target * (log(sum of exp) - logit))
__global__ void cross_entropy_forward_row(View<const float> logits, View<const float> targets,
                                          View<const float> weights, View<float> loss, RowsGeometry g) {
  const std::int64_t row = warp_row(), first = row * g.channels;
  if (row >= g.rows) return;
  const RowScale scale = scale_of(logits, first, g.channels);
  const double log_sum = std::log(static_cast<double>(scale.sum));
  double sum = 0;
  for (int c = lane(); c < g.channels; c += warp_threads)
    sum += targets[first + c] * (log_sum - (double{logits[first + c]} - scale.largest));
  sum = warp_sum(sum);
  if (lane() == 0) loss[row] = static_cast<float>(weights.empty() ? sum : weights[row] * sum);
}

// dlogits = dloss * weight * (softmax * sum(targets) - target)
__global__ void cross_entropy_backward_row(View<const float> logits, View<const float> targets,
                                           View<const float> weights, View<const float> dloss, View<float> dlogits,
                                           RowsGeometry g) {
  const std::int64_t row = warp_row(), first = row * g.channels;
  if (row >= g.rows) return;
  const RowScale scale = scale_of(logits, first, g.channels);
  float total = 0.0f;
  for (int c = lane(); c < g.channels; c += warp_threads) total += targets[first + c];
  total = warp_sum(total);
  const float upstream = weights.empty() ? dloss[row] : dloss[row] * weights[row];
  for (int c = lane(); c < g.channels; c += warp_threads) {
    const float share = std::exp(logits[first + c] - scale.largest) / scale.sum;
    dlogits[first + c] = upstream * (share * total - targets[first + c]);
  }
}

// A candidate for the largest of a row: a NaN is larger than any number, and of equals the first wins.
struct Candidate {
  float value;
  int place;
};

__device__ Candidate better(Candidate a, Candidate b) {
  const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
  const bool equal = a.value == b.value || (a_nan && b_nan);
  const bool a_wins = equal ? a.place < b.place : a_nan || (!b_nan && a.value > b.value);
  return a_wins ? a : b;
}

__global__ void argmax_row(View<const float> x, View<std::int32_t> index, RowsGeometry g) {
  const std::int64_t row = warp_row(), first = row * g.channels;
  if (row >= g.rows) return;
  Candidate best{x[first], 0};
  for (int c = lane(); c < g.channels; c += warp_threads) best = better(best, {x[first + c], c});
  for (int mask = warp_threads / 2; mask > 0; mask /= 2)
    best = better(best, {shuffle_xor(best.value, mask), shuffle_xor(best.place, mask)});
  if (lane() == 0) index[row] = best.place;
}

// One warp for each row.
template <class... Parameters, class... Arguments>
void launch_rows(const char* name, void (*kernel)(Parameters...), const RowsGeometry& g,
                 const Arguments&... arguments) {
  index_count(name, g.size());
  launch(name, kernel, dim3(static_cast<unsigned>(divide_up(g.rows, rows_per_block))), dim3(block_threads), 0,
         arguments..., g);
}

}  // namespace

void softmax_forward(View<const float> x, View<float> y, RowsGeometry g) {
  launch_rows("softmax_forward", softmax_forward_row, g, x, y);
}

void softmax_backward(View<const float> y, View<const float> dy, View<float> dx, RowsGeometry g) {
  launch_rows("softmax_backward", softmax_backward_row, g, y, dy, dx);
}

void one_hot(View<const std::int32_t> labels, View<float> targets, RowsGeometry g, float smoothing) {
  launch_each("one_hot", one_hot_each, targets.size, labels, targets, g.channels, smoothing);
}

void softmax_cross_entropy_forward(View<const float> logits, View<const float> targets, View<const float> weights,
                                   View<float> loss, RowsGeometry g) {
  launch_rows("softmax_cross_entropy_forward", cross_entropy_forward_row, g, logits, targets, weights, loss);
}

void softmax_cross_entropy_backward(View<const float> logits, View<const float> targets, View<const float> weights,
                                    View<const float> dloss, View<float> dlogits, RowsGeometry g) {
  launch_rows("softmax_cross_entropy_backward", cross_entropy_backward_row, g, logits, targets, weights, dloss,
              dlogits);
}

void argmax_rows(View<const float> x, View<std::int32_t> index, RowsGeometry g) {
  launch_rows("argmax_rows", argmax_row, g, x, index);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
