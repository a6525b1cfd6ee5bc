// Batch normalisation over rows of channels.
//
// The training pass reads x twice: blocks of rows give the mean and the squared deviations about it while they are in
// cache, and are merged in order (Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing
// sample variances", 1979); then every value is normalised.
#include "mien/kernels/cpu/rows.h"
#include "mien/kernels/cpu/sums.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

/// Calls body(block, first row, last row, first channel, channels) for each block of rows and tile of channels.
template <class Body>
void for_each_tile(const RowsGeometry& g, const Body& body) {
  const std::int64_t block = rows_per_block(g.channels), tiles = block_count(g.channels, columns_per_tile);
  parallel_for(block_count(g.rows, block) * tiles, [&](std::int64_t task) {
    const std::int64_t part = task / tiles, channel = task % tiles * columns_per_tile;
    body(part, part * block, std::min(g.rows, (part + 1) * block), channel,
         std::min<std::int64_t>(g.channels - channel, columns_per_tile));
  });
}

/// y = (x - mean) * gamma / sqrt(variance + epsilon) + beta, with mean and variance in double.
void normalise(View<const float> x, View<const float> gamma, View<const float> beta, const double* mean,
               const double* variance, View<float> y, const RowsGeometry& g, float epsilon) {
  struct Scratch;
  float* const center = thread_scratch<Scratch>(std::int64_t{3} * g.channels);
  float* const scale = center + g.channels;
  float* const offset = scale + g.channels;
  for (int c = 0; c < g.channels; ++c) {
    center[c] = static_cast<float>(mean[c]);
    scale[c] = static_cast<float>((gamma.empty() ? 1.0 : gamma.data[c]) / std::sqrt(variance[c] + epsilon));
    offset[c] = beta.empty() ? 0.0f : beta.data[c];
  }
  for_each_row(g, [&](std::int64_t row) {
    const float* const from = x.data + row * g.channels;
    float* const to = y.data + row * g.channels;
    for (int c = 0; c < g.channels; ++c) to[c] = (from[c] - center[c]) * scale[c] + offset[c];
  });
}

}  // namespace

void batch_norm_forward(View<const float> x, View<const float> gamma, View<const float> beta, View<float> y,
                        View<float> mean, View<float> variance, RowsGeometry g, float epsilon) {
  struct Sums;
  struct Moments;
  const std::int64_t block = rows_per_block(g.channels), blocks = block_count(g.rows, block);
  double* const sum = thread_doubles<Sums>(2 * blocks * g.channels);
  double* const deviation = sum + blocks * g.channels;  // of each block, about its own mean, squared
  for_each_tile(
      g, [&](std::int64_t part, std::int64_t begin, std::int64_t end, std::int64_t channel, std::int64_t channels) {
        double* const block_sum = sum + part * g.channels + channel;
        double* const block_deviation = deviation + part * g.channels + channel;
        const float* const tile = x.data + channel;
        sum_columns(begin, end, channels, block_sum, [&](std::int64_t row) {
          return [from = tile + row * g.channels](std::int64_t c) { return from[c]; };
        });
        float center[columns_per_tile];
        const double count = static_cast<double>(end - begin);
        for (std::int64_t c = 0; c < channels; ++c) center[c] = static_cast<float>(block_sum[c] / count);
        sum_columns(begin, end, channels, block_deviation, [&](std::int64_t row) {
          return [from = tile + row * g.channels, &center](std::int64_t c) {
            const float distance = from[c] - center[c];
            return distance * distance;
          };
        });
        for (std::int64_t c = 0; c < channels; ++c) {
          const double rounding = block_sum[c] / count - center[c];
          block_deviation[c] = std::max(0.0, block_deviation[c] - count * rounding * rounding);
        }
      });

  double* const total_mean = thread_doubles<Moments>(2 * std::int64_t{g.channels});
  double* const total_variance = total_mean + g.channels;
  for (int c = 0; c < g.channels; ++c) {
    double so_far = 0, center = 0, squares = 0;
    for (std::int64_t part = 0; part < blocks; ++part) {
      const double count = static_cast<double>(std::min(block, g.rows - part * block));
      const double distance = sum[part * g.channels + c] / count - center;
      squares += deviation[part * g.channels + c] + distance * distance * so_far * count / (so_far + count);
      center += distance * count / (so_far + count);
      so_far += count;
    }
    total_mean[c] = center;
    total_variance[c] = squares / so_far;
    mean.data[c] = static_cast<float>(total_mean[c]);
    variance.data[c] = static_cast<float>(total_variance[c]);
  }
  normalise(x, gamma, beta, total_mean, total_variance, y, g, epsilon);
}

void batch_norm_inference(View<const float> x, View<const float> gamma, View<const float> beta, View<const float> mean,
                          View<const float> variance, View<float> y, RowsGeometry g, float epsilon) {
  struct Moments;
  double* const given_mean = thread_doubles<Moments>(2 * std::int64_t{g.channels});
  double* const given_variance = given_mean + g.channels;
  std::copy_n(mean.data, g.channels, given_mean);
  std::copy_n(variance.data, g.channels, given_variance);
  normalise(x, gamma, beta, given_mean, given_variance, y, g, epsilon);
}

void batch_norm_backward(View<const float> x, View<const float> gamma, View<const float> mean,
                         View<const float> variance, View<const float> dy, View<float> dx, View<float> dgamma,
                         View<float> dbeta, RowsGeometry g, float epsilon, bool frozen) {
  struct Sums;
  struct Factors;
  const bool dx_needs_sums = !dx.empty() && !frozen;
  const std::int64_t block = rows_per_block(g.channels);
  const std::int64_t blocks =
      dx_needs_sums || !dgamma.empty() || !dbeta.empty() ? block_count(g.rows, block) : std::int64_t{0};
  double* const dy_sum = thread_doubles<Sums>(2 * blocks * g.channels);
  double* const product_sum = dy_sum + blocks * g.channels;  // of dy * (x - mean)
  if (blocks > 0)
    for_each_tile(
        g, [&](std::int64_t part, std::int64_t begin, std::int64_t end, std::int64_t channel, std::int64_t channels) {
          const float* const center = mean.data + channel;
          sum_columns(begin, end, channels, dy_sum + part * g.channels + channel, [&](std::int64_t row) {
            return [from = dy.data + row * g.channels + channel](std::int64_t c) { return from[c]; };
          });
          sum_columns(begin, end, channels, product_sum + part * g.channels + channel, [&](std::int64_t row) {
            const std::int64_t at = row * g.channels + channel;
            return [from = dy.data + at, value = x.data + at, center](std::int64_t c) {
              return from[c] * (value[c] - center[c]);
            };
          });
        });

  // dx = gamma * inverse * (dy - sum(dy) / rows - normalised * sum(dy * normalised) / rows), channel by channel
  // brought to slope * dy + curve * (x - mean) + shift. Frozen: the first term alone.
  float* const slope = thread_scratch<Factors>(std::int64_t{3} * g.channels);
  float* const curve = slope + g.channels;
  float* const shift = curve + g.channels;
  for (int c = 0; c < g.channels; ++c) {
    double sum = 0, product = 0;
    for (std::int64_t part = 0; part < blocks; ++part) {
      sum += dy_sum[part * g.channels + c];
      product += product_sum[part * g.channels + c];
    }
    const double inverse = 1.0 / std::sqrt(static_cast<double>(variance.data[c]) + epsilon);
    const double scale = (gamma.empty() ? 1.0 : gamma.data[c]) * inverse, rows = static_cast<double>(g.rows);
    if (!dgamma.empty()) dgamma.data[c] = static_cast<float>(product * inverse);
    if (!dbeta.empty()) dbeta.data[c] = static_cast<float>(sum);
    slope[c] = static_cast<float>(scale);
    curve[c] = static_cast<float>(-scale * inverse * inverse * product / rows);
    shift[c] = static_cast<float>(-scale * sum / rows);
  }
  if (dx.empty()) return;
  for_each_row(g, [&](std::int64_t row) {
    const float* const from = dy.data + row * g.channels;
    const float* const value = x.data + row * g.channels;
    float* const to = dx.data + row * g.channels;
    if (frozen) {
      for (int c = 0; c < g.channels; ++c) to[c] = slope[c] * from[c];
    } else {
      for (int c = 0; c < g.channels; ++c) to[c] = slope[c] * from[c] + curve[c] * (value[c] - mean.data[c]) + shift[c];
    }
  });
}

void moving_average(View<const float> value, View<float> average, float momentum) {
  for (std::int64_t i = 0; i < average.size; ++i)
    average.data[i] = momentum * average.data[i] + (1.0f - momentum) * value.data[i];
}

}  // namespace mien::kernels::cpu
