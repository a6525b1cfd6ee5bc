// Batch normalisation over rows of channels.
//
// The training pass reads x twice: blocks of rows give the mean and the squared deviations about it, and are merged in
// order (Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing
// sample variances", 1979); then every value is normalised. Where channels are few, several rows are taken side by
// side as one wide row, and what belongs to a channel is repeated over it.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/batch_norm.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <cmath>

#include "mien/kernels/cpu/column_sums-inl.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/vectors-inl.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// Calls body(block number, rows of the block, first channel) for each block of rows and tile of channels.
template <class Body>
void for_each_tile(const RowsGeometry& g, const Body& body) {
  const std::int64_t block = rows_per_block(g.channels), tiles = block_count(g.channels, columns_per_tile);
  parallel_for(block_count(g.rows, block) * tiles, [&](std::int64_t task) {
    const std::int64_t part = task / tiles, channel = task % tiles * columns_per_tile, row = part * block;
    body(part,
         RowBlock{.place = row * g.channels + channel,
                  .step = g.channels,
                  .rows = std::min(block, g.rows - row),
                  .columns = std::min<std::int64_t>(g.channels - channel, columns_per_tile),
                  .side_by_side = rows_side_by_side(g.channels)},
         channel);
  });
}

/// Calls body(d, place, c) for vectors over all rows: element `place`, column c of its wide row. Rows of more than a
/// tile's columns are cut, so that the columns' factors stay in the first cache.
template <class Body>
void for_each_wide_vector(const RowsGeometry& g, const Body& body) {
  const std::int64_t width = g.channels * rows_side_by_side(g.channels), tile = std::min(width, columns_per_tile);
  const std::int64_t tiles = block_count(width, tile), block = elements_per_block / tile;
  const std::int64_t rows = block_count(g.size(), width);
  parallel_for(block_count(rows, block) * tiles, [&](std::int64_t task) HWY_ATTR {
    const std::int64_t first = task / tiles * block, column = task % tiles * tile;
    for (std::int64_t row = first; row < std::min(rows, first + block); ++row) {
      const std::int64_t place = row * width, end = std::min({width, column + tile, g.size() - place});
      for_each_vector(column, end, [&](auto d, std::int64_t c) HWY_ATTR { body(d, place + c, c); });
    }
  });
}

/// Means of some evenly spread rows of a block, for the columns of one wide row: near enough to the block's mean.
void rough_means(const float* x, const RowBlock& block, float* means) {
  constexpr std::int64_t most = 16;
  const std::int64_t count = std::min(most, block.rows), apart = block.rows / count * block.step;
  for_each_vector(0, block.columns, [&](auto d, std::int64_t c) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (std::int64_t i = 0; i < count; ++i) sum = hn::Add(sum, hn::LoadU(d, x + block.place + i * apart + c));
    hn::StoreU(hn::Mul(sum, hn::Set(d, 1.0f / static_cast<float>(count))), d, means + c);
  });
  for (std::int64_t c = block.columns; c < block.columns * block.side_by_side; ++c) means[c] = means[c - block.columns];
}

/// Sums and squared deviations, about the block's own mean, of each block of rows: (blocks, channels) each. One pass:
/// the deviations are taken about a rough mean, then moved to the true one, which is so near that little cancels.
void block_moments(const float* x, double* sums, double* deviations, const RowsGeometry& g) {
  for_each_tile(g, [&](std::int64_t part, const RowBlock& block, std::int64_t channel) HWY_ATTR {
    double* const sum = sums + part * g.channels + channel;
    double* const deviation = deviations + part * g.channels + channel;
    float center[columns_per_tile];
    rough_means(x, block, center);
    sum_columns<2>(block, {sum, deviation},
                   [x, &center](auto d, std::int64_t place, std::int64_t c, auto so_far) HWY_ATTR {
                     const auto distance = hn::Sub(hn::LoadU(d, x + place), hn::LoadU(d, center + c));
                     so_far.value[0] = hn::Add(so_far.value[0], distance);
                     so_far.value[1] = hn::MulAdd(distance, distance, so_far.value[1]);
                     return so_far;
                   });
    const double count = static_cast<double>(block.rows);
    for (std::int64_t c = 0; c < block.columns; ++c) {
      const double corrected = deviation[c] - sum[c] * sum[c] / count;
      deviation[c] = corrected < 0 ? 0 : corrected;
      sum[c] += count * center[c];
    }
  });
}

/// Sums of dy and of dy * (x - mean) of each block of rows: (blocks, channels) each. `mean` is one wide row.
void block_gradients(const float* x, const float* dy, const float* mean, double* sums, double* products,
                     const RowsGeometry& g) {
  for_each_tile(g, [&](std::int64_t part, const RowBlock& block, std::int64_t channel) HWY_ATTR {
    const std::int64_t at = part * g.channels + channel;
    sum_columns<2>(block, {sums + at, products + at},
                   [=](auto d, std::int64_t place, std::int64_t c, auto so_far) HWY_ATTR {
                     const auto distance = hn::Sub(hn::LoadU(d, x + place), hn::LoadU(d, mean + channel + c));
                     const auto upstream = hn::LoadU(d, dy + place);
                     so_far.value[0] = hn::Add(so_far.value[0], upstream);
                     so_far.value[1] = hn::MulAdd(upstream, distance, so_far.value[1]);
                     return so_far;
                   });
  });
}

/// y = (x - center) * scale + offset, the factors one wide row each.
void normalise_rows(const float* x, const float* center, const float* scale, const float* offset, float* y,
                    const RowsGeometry& g) {
  for_each_wide_vector(g, [=](auto d, std::int64_t place, std::int64_t c) HWY_ATTR {
    const auto distance = hn::Sub(hn::LoadU(d, x + place), hn::LoadU(d, center + c));
    hn::StoreU(hn::MulAdd(distance, hn::LoadU(d, scale + c), hn::LoadU(d, offset + c)), d, y + place);
  });
}

/// dx = slope * dy + curve * (x - center) + shift, the factors one wide row each.
void gradient_rows(const float* x, const float* dy, const float* center, const float* slope, const float* curve,
                   const float* shift, float* dx, const RowsGeometry& g) {
  for_each_wide_vector(g, [=](auto d, std::int64_t place, std::int64_t c) HWY_ATTR {
    const auto distance = hn::Sub(hn::LoadU(d, x + place), hn::LoadU(d, center + c));
    const auto constant = hn::MulAdd(hn::LoadU(d, curve + c), distance, hn::LoadU(d, shift + c));
    hn::StoreU(hn::MulAdd(hn::LoadU(d, slope + c), hn::LoadU(d, dy + place), constant), d, dx + place);
  });
}

/// dx = slope * dy
void frozen_gradient_rows(const float* dy, const float* slope, float* dx, const RowsGeometry& g) {
  for_each_wide_vector(g, [=](auto d, std::int64_t place, std::int64_t c) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, slope + c), hn::LoadU(d, dy + place)), d, dx + place);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(block_moments);
HWY_EXPORT(block_gradients);
HWY_EXPORT(normalise_rows);
HWY_EXPORT(gradient_rows);
HWY_EXPORT(frozen_gradient_rows);

namespace {

/// The width of a wide row: what the factors of the channels are repeated over.
std::int64_t wide_row(const RowsGeometry& g) { return g.channels * rows_side_by_side(g.channels); }

/// Repeats the first `channels` values over a row of `width`.
void repeat(float* values, int channels, std::int64_t width) {
  for (std::int64_t c = channels; c < width; ++c) values[c] = values[c - channels];
}

/// y = (x - mean) * gamma / sqrt(variance + epsilon) + beta, with mean and variance in double.
void normalise(View<const float> x, View<const float> gamma, View<const float> beta, const double* mean,
               const double* variance, View<float> y, const RowsGeometry& g, float epsilon) {
  struct Scratch;
  const std::int64_t width = wide_row(g);
  float* const center = thread_scratch<Scratch>(3 * width);
  float* const scale = center + width;
  float* const offset = scale + width;
  for (int c = 0; c < g.channels; ++c) {
    center[c] = static_cast<float>(mean[c]);
    scale[c] = static_cast<float>((gamma.empty() ? 1.0 : gamma.data[c]) / std::sqrt(variance[c] + epsilon));
    offset[c] = beta.empty() ? 0.0f : beta.data[c];
  }
  for (float* const factor : {center, scale, offset}) repeat(factor, g.channels, width);
  instruction_set();
  HWY_DYNAMIC_DISPATCH(normalise_rows)(x.data, center, scale, offset, y.data, g);
}

}  // namespace

void batch_norm_forward(View<const float> x, View<const float> gamma, View<const float> beta, View<float> y,
                        View<float> mean, View<float> variance, RowsGeometry g, float epsilon) {
  struct Sums;
  struct Moments;
  const std::int64_t block = rows_per_block(g.channels), blocks = block_count(g.rows, block);
  double* const sum = thread_doubles<Sums>(2 * blocks * g.channels);
  double* const deviation = sum + blocks * g.channels;  // of each block, about its own mean, squared
  instruction_set();
  HWY_DYNAMIC_DISPATCH(block_moments)(x.data, sum, deviation, g);

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
  const std::int64_t width = wide_row(g);
  float* const center = thread_scratch<Factors>(4 * width);
  float* const slope = center + width;
  float* const curve = slope + width;
  float* const shift = curve + width;
  std::copy_n(mean.data, g.channels, center);
  repeat(center, g.channels, width);
  instruction_set();
  if (blocks > 0) HWY_DYNAMIC_DISPATCH(block_gradients)(x.data, dy.data, center, dy_sum, product_sum, g);

  // dx = gamma * inverse * (dy - sum(dy) / rows - normalised * sum(dy * normalised) / rows), channel by channel
  // brought to slope * dy + curve * (x - mean) + shift. Frozen: the first term alone.
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
  for (float* const factor : {slope, curve, shift}) repeat(factor, g.channels, width);
  if (frozen)
    HWY_DYNAMIC_DISPATCH(frozen_gradient_rows)(dy.data, slope, dx.data, g);
  else
    HWY_DYNAMIC_DISPATCH(gradient_rows)(x.data, dy.data, center, slope, curve, shift, dx.data, g);
}

void moving_average(View<const float> value, View<float> average, float momentum) {
  for (std::int64_t i = 0; i < average.size; ++i)
    average.data[i] = momentum * average.data[i] + (1.0f - momentum) * value.data[i];
}

}  // namespace mien::kernels::cpu
#endif
