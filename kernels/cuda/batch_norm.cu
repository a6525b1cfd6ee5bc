// Batch normalisation: each channel's values brought to mean 0 and variance 1 over the batch.
//
// The sums over rows go column by column in two stages (reduce.cuh), always in the same order. The variance is summed
// from the distances to the mean, after the mean is known: the shortcut by the sum of squares reads x once less, but
// subtracts two large numbers and loses every digit where the mean is far from 0. Then one thread for each element
// normalises. The way back needs two sums for each channel, of dy and of dy times the normalised x:
//   dx = gamma / deviation * (dy - mean(dy) - normalised * mean(dy * normalised)),  deviation = sqrt(variance +
//   epsilon)
#include "mien/kernels/cuda/reduce.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

struct Value {
  View<const float> x;
  int channels;
  __device__ double operator()(int channel, int row) const { return x[row * channels + channel]; }
};

struct SquaredDistance {
  View<const float> x;
  View<const double> mean;
  int channels;
  __device__ double operator()(int channel, int row) const {
    const double distance = x[row * channels + channel] - mean[channel];
    return distance * distance;
  }
};

// dy * (x - mean)
struct GradientTimesDistance {
  View<const float> x, mean, dy;
  int channels;
  __device__ double operator()(int channel, int row) const {
    const int i = row * channels + channel;
    return double{dy[i]} * (x[i] - mean[channel]);
  }
};

// Keeps a mean over the rows in double, for the next stage, and as the float that is asked for.
struct WriteMean {
  View<double> exact;
  View<float> rounded;
  double rows;
  __device__ void operator()(int channel, double sum) const {
    exact[channel] = sum / rows;
    rounded[channel] = static_cast<float>(sum / rows);
  }
};

struct KeepSum {
  View<double> sums;
  __device__ void operator()(int channel, double sum) const { sums[channel] = sum; }
};

// y = gamma * (x - mean) / deviation + beta
template <class Moment>
__global__ void normalise_each(View<const float> x, View<const float> gamma, View<const float> beta,
                               View<const Moment> mean, View<const Moment> variance, View<float> y, int channels,
                               float epsilon) {
  const int i = global_thread();
  if (i >= y.size) return;
  const int channel = i % channels;
  const float deviation = std::sqrt(static_cast<float>(variance[channel]) + epsilon);
  const float scale = (gamma.empty() ? 1.0f : gamma[channel]) / deviation;
  const float shift = beta.empty() ? 0.0f : beta[channel];
  y[i] = (x[i] - static_cast<float>(mean[channel])) * scale + shift;
}

// From the sums of dy and of dy * (x - mean) to what is asked for of each channel.
__global__ void batch_norm_backward_channel(View<const double> sums, View<const double> products,
                                            View<const float> variance, View<float> dgamma, View<float> dbeta,
                                            int channels, float epsilon) {
  const int channel = global_thread();
  if (channel >= channels) return;
  const double deviation = std::sqrt(static_cast<double>(variance[channel]) + epsilon);
  if (!dgamma.empty()) dgamma[channel] = static_cast<float>(products[channel] / deviation);
  if (!dbeta.empty()) dbeta[channel] = static_cast<float>(sums[channel]);
}

// `sums` and `products` are empty where mean and variance are constants.
__global__ void batch_norm_backward_each(View<const float> x, View<const float> gamma, View<const float> mean,
                                         View<const float> variance, View<const float> dy, View<const double> sums,
                                         View<const double> products, View<float> dx, RowsGeometry g, float epsilon) {
  const int i = global_thread();
  if (i >= dx.size) return;
  const int channel = i % g.channels;
  const float spread = variance[channel] + epsilon;
  const float scale = (gamma.empty() ? 1.0f : gamma[channel]) / std::sqrt(spread);
  if (sums.empty()) {
    dx[i] = scale * dy[i];
    return;
  }
  const float rows = static_cast<float>(g.rows);
  const float common = static_cast<float>(sums[channel]) / rows;
  const float curve = static_cast<float>(products[channel]) / (rows * spread);
  dx[i] = scale * (dy[i] - common - (x[i] - mean[channel]) * curve);
}

}  // namespace

void batch_norm_forward(View<const float> x, View<const float> gamma, View<const float> beta, View<float> y,
                        View<float> mean, View<float> variance, RowsGeometry g, float epsilon) {
  const char* const name = "batch_norm_forward";
  index_count(name, g.size());
  const Scratch scratch(2 * g.channels * static_cast<std::int64_t>(sizeof(double)));
  const View<double> both = scratch.view<double>(2 * std::int64_t{g.channels});
  const View<double> exact_mean{both.data, g.channels}, exact_variance{both.data + g.channels, g.channels};
  const double rows = static_cast<double>(g.rows);
  sum_columns(name, Value{x, g.channels}, WriteMean{exact_mean, mean, rows}, g.channels, g.rows);
  sum_columns(name, SquaredDistance{x, exact_mean, g.channels}, WriteMean{exact_variance, variance, rows}, g.channels,
              g.rows);
  launch_each(name, normalise_each<double>, y.size, x, gamma, beta, View<const double>(exact_mean),
              View<const double>(exact_variance), y, g.channels, epsilon);
}

void batch_norm_inference(View<const float> x, View<const float> gamma, View<const float> beta, View<const float> mean,
                          View<const float> variance, View<float> y, RowsGeometry g, float epsilon) {
  launch_each("batch_norm_inference", normalise_each<float>, y.size, x, gamma, beta, mean, variance, y, g.channels,
              epsilon);
}

void batch_norm_backward(View<const float> x, View<const float> gamma, View<const float> mean,
                         View<const float> variance, View<const float> dy, View<float> dx, View<float> dgamma,
                         View<float> dbeta, RowsGeometry g, float epsilon, bool frozen) {
  const char* const name = "batch_norm_backward";
  index_count(name, g.size());
  const bool dx_needs_sums = !dx.empty() && !frozen;
  const std::int64_t kept = dx_needs_sums || !dgamma.empty() || !dbeta.empty() ? g.channels : 0;
  const Scratch scratch(2 * kept * static_cast<std::int64_t>(sizeof(double)));
  const View<double> both = scratch.view<double>(2 * kept);
  const View<double> sums{both.data, kept}, products{both.data + kept, kept};
  if (kept > 0) {
    sum_columns(name, Value{dy, g.channels}, KeepSum{sums}, g.channels, g.rows);
    sum_columns(name, GradientTimesDistance{x, mean, dy, g.channels}, KeepSum{products}, g.channels, g.rows);
    launch_each(name, batch_norm_backward_channel, g.channels, View<const double>(sums), View<const double>(products),
                variance, dgamma, dbeta, g.channels, epsilon);
  }
  const View<const double> none;
  launch_each(name, batch_norm_backward_each, dx.size, x, gamma, mean, variance, dy,
              frozen ? none : View<const double>(sums), frozen ? none : View<const double>(products), dx, g, epsilon);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
