// The definition of every op: plain loops in double precision, in the order in which a textbook writes the sums.
//
// This is what the kernels are tested against, and the page to read first by whoever wants to know what an op means.
// There are no gradients here: the tests take them from finite differences of these functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "mien/kernels/geometry.h"
#include "mien/kernels/scalar.h"

namespace mien::reference {

/// A tensor's elements, row-major. The shape comes with the op's geometry.
using Values = std::vector<double>;

/// Values(size) full of zeros.
inline Values zeros(std::int64_t size) { return Values(static_cast<std::size_t>(size), 0.0); }

/// The place of element (n, h, w, c) in an NHWC array of the given height, width and channels.
inline std::size_t at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c, std::int64_t height,
                      std::int64_t width, std::int64_t channels) {
  return static_cast<std::size_t>(((n * height + h) * width + w) * channels + c);
}

/// Whether `a` is a better maximum than `b`: larger, or a NaN where b is none.
inline bool beats(double a, double b) { return a > b || (std::isnan(a) && !std::isnan(b)); }

// Element-wise ---------------------------------------------------------------------------------------------------

inline double activate(double x, Activation activation) {
  switch (activation.kind) {
    case ActivationKind::relu:
      return x <= 0 ? 0 : x;
    case ActivationKind::relu6:
      return x <= 0 ? 0 : x >= 6 ? 6 : x;
    case ActivationKind::leaky_relu:
      return x < 0 ? activation.slope * x : x;
    case ActivationKind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case ActivationKind::tanh:
      return std::tanh(x);
    default:
      return x;
  }
}

inline Values activation(Values x, Activation kind) {
  for (double& value : x) value = activate(value, kind);
  return x;
}

/// scale * x + offset
inline Values affine(Values x, double scale, double offset) {
  for (double& value : x) value = scale * value + offset;
  return x;
}

/// a and b, element by element, each repeated along the axes where its stride is 0.
inline Values binary(const Values& a, const Values& b, const BroadcastGeometry& g, BinaryKind kind) {
  Values y = zeros(g.size());
  for (std::int64_t i = 0; i < g.size(); ++i) {
    std::int64_t from_a, from_b;
    g.offsets(i, from_a, from_b);
    const double left = a[static_cast<std::size_t>(from_a)], right = b[static_cast<std::size_t>(from_b)];
    y[static_cast<std::size_t>(i)] = kind == BinaryKind::add        ? left + right
                                     : kind == BinaryKind::subtract ? left - right
                                                                    : left * right;
  }
  return y;
}

/// Inverted dropout, given which elements are kept.
inline Values dropout(const Values& x, const std::vector<bool>& kept, double rate) {
  Values y = zeros(static_cast<std::int64_t>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = kept[i] ? x[i] / (1 - rate) : 0;
  return y;
}

// Sums -----------------------------------------------------------------------------------------------------------

/// y = scale * sum of x over the reduced axes.
inline Values reduce_sum(const Values& x, const ReduceGeometry& g) {
  Values y = zeros(g.y_size());
  for (std::int64_t kept = 0; kept < g.product(false); ++kept)
    for (std::int64_t summed = 0; summed < g.product(true); ++summed)
      y[static_cast<std::size_t>(kept)] += g.scale * x[static_cast<std::size_t>(g.x_offset(kept, summed))];
  return y;
}

/// The other way: x = scale * y, repeated along the reduced axes.
inline Values reduce_sum_adjoint(const Values& y, const ReduceGeometry& g) {
  Values x = zeros(g.x_size());
  for (std::int64_t kept = 0; kept < g.product(false); ++kept)
    for (std::int64_t summed = 0; summed < g.product(true); ++summed)
      x[static_cast<std::size_t>(g.x_offset(kept, summed))] = g.scale * y[static_cast<std::size_t>(kept)];
  return x;
}

/// l1 * sum |w| + l2 * sum w^2
inline double penalty(const Values& w, double l1, double l2) {
  double sum = 0;
  for (const double value : w) sum += l1 * std::fabs(value) + l2 * value * value;
  return sum;
}

// Moving data ----------------------------------------------------------------------------------------------------

/// y with x written over its band.
inline Values write_band(const Values& x, Values y, const BandGeometry& g) {
  for (std::int64_t run = 0; run < g.outer; ++run)
    for (std::int64_t i = 0; i < g.inner; ++i)
      y[static_cast<std::size_t>(run * g.wide + g.offset + i)] = x[static_cast<std::size_t>(run * g.inner + i)];
  return y;
}

/// The band of y.
inline Values read_band(const Values& y, const BandGeometry& g) {
  Values x = zeros(g.outer * g.inner);
  for (std::int64_t run = 0; run < g.outer; ++run)
    for (std::int64_t i = 0; i < g.inner; ++i)
      x[static_cast<std::size_t>(run * g.inner + i)] = y[static_cast<std::size_t>(run * g.wide + g.offset + i)];
  return x;
}

/// x with zeros round height and width.
inline Values zero_pad2d(const Values& x, const Pad2dGeometry& g) {
  Values y = zeros(g.y_size());
  for (int n = 0; n < g.batch; ++n)
    for (int h = 0; h < g.height; ++h)
      for (int w = 0; w < g.width; ++w)
        for (int c = 0; c < g.channels; ++c)
          y[at(n, h + g.top, w + g.left, c, g.y_height(), g.y_width(), g.channels)] =
              x[at(n, h, w, c, g.height, g.width, g.channels)];
  return y;
}

/// y without its border: g is the padding that made y.
inline Values crop2d(const Values& y, const Pad2dGeometry& g) {
  Values x = zeros(std::int64_t{g.batch} * g.height * g.width * g.channels);
  for (int n = 0; n < g.batch; ++n)
    for (int h = 0; h < g.height; ++h)
      for (int w = 0; w < g.width; ++w)
        for (int c = 0; c < g.channels; ++c)
          x[at(n, h, w, c, g.height, g.width, g.channels)] =
              y[at(n, h + g.top, w + g.left, c, g.y_height(), g.y_width(), g.channels)];
  return x;
}

/// Each of `batch` pictures brought to mean 0 and variance 1.
inline Values standardize(const Values& x, std::int64_t batch, double epsilon) {
  Values y = x;
  const std::size_t size = x.size() / static_cast<std::size_t>(batch);
  for (std::size_t first = 0; first < x.size(); first += size) {
    double sum = 0, squares = 0;
    for (std::size_t i = first; i < first + size; ++i) sum += x[i];
    const double mean = sum / static_cast<double>(size);
    for (std::size_t i = first; i < first + size; ++i) squares += (x[i] - mean) * (x[i] - mean);
    for (std::size_t i = first; i < first + size; ++i)
      y[i] = (x[i] - mean) / std::sqrt(squares / static_cast<double>(size) + epsilon);
  }
  return y;
}

inline Values up_sampling2d(const Values& x, const UpSampling2dGeometry& g) {
  Values y = zeros(g.y_size());
  for (int n = 0; n < g.batch; ++n)
    for (int h = 0; h < g.y_height(); ++h)
      for (int w = 0; w < g.y_width(); ++w)
        for (int c = 0; c < g.channels; ++c)
          y[at(n, h, w, c, g.y_height(), g.y_width(), g.channels)] =
              x[at(n, h / g.rows, w / g.columns, c, g.height, g.width, g.channels)];
  return y;
}

// Products -------------------------------------------------------------------------------------------------------

/// c (m, n) = op(a) · op(b)
/// The last axis back to front.
inline Values reverse_channels(const Values& x, std::int64_t channels) {
  Values y = x;
  for (auto row = y.begin(); row != y.end(); row += channels) std::reverse(row, row + channels);
  return y;
}

inline Values matmul(const Values& a, const Values& b, const MatmulGeometry& g) {
  Values c = zeros(std::int64_t{g.m} * g.n);
  for (std::int64_t row = 0; row < g.m; ++row)
    for (std::int64_t column = 0; column < g.n; ++column)
      for (std::int64_t i = 0; i < g.k; ++i)
        c[static_cast<std::size_t>(row * g.n + column)] +=
            a[static_cast<std::size_t>(g.transpose_a ? i * g.m + row : row * g.k + i)] *
            b[static_cast<std::size_t>(g.transpose_b ? column * g.k + i : i * g.n + column)];
  return c;
}

/// y = activation(x · w + bias); an empty bias counts as zeros.
inline Values dense(const Values& x, const Values& w, const Values& bias, const DenseGeometry& g) {
  Values y = matmul(x, w, {.m = g.rows, .n = g.out, .k = g.in});
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = activate(y[i] + (g.bias ? bias[i % static_cast<std::size_t>(g.out)] : 0), g.activation);
  return y;
}

// Convolution ----------------------------------------------------------------------------------------------------

/// The convolution alone (a correlation, as in every framework: the kernel is not flipped).
inline Values convolution(const Values& x, const Values& w, const Conv2dGeometry& g) {
  Values z = zeros(g.convolution_size());
  for (int n = 0; n < g.batch; ++n)
    for (int row = 0; row < g.height.output; ++row)
      for (int column = 0; column < g.width.output; ++column)
        for (int out = 0; out < g.out_channels; ++out) {
          double sum = 0;
          const int first_in = out / g.out_per_group() * g.in_per_group();
          for (int tap_row = 0; tap_row < g.height.kernel; ++tap_row)
            for (int tap_column = 0; tap_column < g.width.kernel; ++tap_column) {
              const int h = g.height.cell(row, tap_row), v = g.width.cell(column, tap_column);
              if (!g.height.inside(h) || !g.width.inside(v)) continue;
              for (int in = 0; in < g.in_per_group(); ++in)
                sum += x[at(n, h, v, first_in + in, g.height.input, g.width.input, g.in_channels)] *
                       w[at(tap_row, tap_column, in, out, g.width.kernel, g.in_per_group(), g.out_channels)];
            }
          z[at(n, row, column, out, g.height.output, g.width.output, g.out_channels)] = sum;
        }
  return z;
}

/// The convolution with its epilogue: bias, activation, and the maximum of each whole 2x2 block.
inline Values conv2d(const Values& x, const Values& w, const Values& bias, const Conv2dGeometry& g) {
  Values z = convolution(x, w, g);
  for (std::size_t i = 0; i < z.size(); ++i)
    z[i] = activate(z[i] + (g.bias ? bias[i % static_cast<std::size_t>(g.out_channels)] : 0), g.activation);
  if (!g.pool) return z;
  Values y = zeros(g.y_size());
  for (int n = 0; n < g.batch; ++n)
    for (int row = 0; row < g.y_height(); ++row)
      for (int column = 0; column < g.y_width(); ++column)
        for (int c = 0; c < g.out_channels; ++c) {
          const auto cell = [&](int place) {
            return z[at(n, 2 * row + place / 2, 2 * column + place % 2, c, g.height.output, g.width.output,
                        g.out_channels)];
          };
          double best = cell(0);
          for (int place = 1; place < 4; ++place)
            if (beats(cell(place), best)) best = cell(place);
          y[at(n, row, column, c, g.y_height(), g.y_width(), g.out_channels)] = best;
        }
  return y;
}

// Pooling --------------------------------------------------------------------------------------------------------

/// Calls body(y place, tap, x place) for every tap of every window that lies inside the picture, in order.
template <class Body>
void for_each_tap(const Pool2dGeometry& g, const Body& body) {
  for (int n = 0; n < g.batch; ++n)
    for (int row = 0; row < g.height.output; ++row)
      for (int column = 0; column < g.width.output; ++column)
        for (int c = 0; c < g.channels; ++c)
          for (int tap = 0; tap < g.height.kernel * g.width.kernel; ++tap) {
            const int h = g.height.cell(row, tap / g.width.kernel), w = g.width.cell(column, tap % g.width.kernel);
            if (g.height.inside(h) && g.width.inside(w))
              body(at(n, row, column, c, g.height.output, g.width.output, g.channels), tap,
                   at(n, h, w, c, g.height.input, g.width.input, g.channels));
          }
}

struct MaxPool {
  Values y;
  std::vector<int> argmax;  ///< the tap of the first maximum
};

inline MaxPool max_pool2d(const Values& x, const Pool2dGeometry& g) {
  MaxPool result{Values(static_cast<std::size_t>(g.y_size()), -std::numeric_limits<double>::infinity()),
                 std::vector<int>(static_cast<std::size_t>(g.y_size()), -1)};
  for_each_tap(g, [&](std::size_t window, int tap, std::size_t cell) {
    if (result.argmax[window] >= 0 && !beats(x[cell], result.y[window])) return;
    result.y[window] = x[cell];
    result.argmax[window] = tap;
  });
  return result;
}

/// The mean over the cells inside the picture.
inline Values average_pool2d(const Values& x, const Pool2dGeometry& g) {
  Values y = zeros(g.y_size()), cells = zeros(g.y_size());
  for_each_tap(g, [&](std::size_t window, int, std::size_t cell) { y[window] += x[cell], cells[window] += 1; });
  for (std::size_t i = 0; i < y.size(); ++i) y[i] /= cells[i] > 0 ? cells[i] : 1;
  return y;
}

// Batch normalisation --------------------------------------------------------------------------------------------

/// With given mean and variance; gamma or beta may be empty (1 or 0).
inline Values batch_norm_inference(const Values& x, const Values& gamma, const Values& beta, const Values& mean,
                                   const Values& variance, const RowsGeometry& g, double epsilon) {
  Values y = zeros(g.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t c = i % static_cast<std::size_t>(g.channels);
    y[i] = (gamma.empty() ? 1 : gamma[c]) * (x[i] - mean[c]) / std::sqrt(variance[c] + epsilon) +
           (beta.empty() ? 0 : beta[c]);
  }
  return y;
}

struct BatchNorm {
  Values y, mean, variance;  ///< the variance is biased: divided by the number of rows
};

/// With the mean and variance of the batch itself.
inline BatchNorm batch_norm(const Values& x, const Values& gamma, const Values& beta, const RowsGeometry& g,
                            double epsilon) {
  const std::size_t channels = static_cast<std::size_t>(g.channels);
  const double rows = static_cast<double>(g.rows);
  Values mean = zeros(g.channels), variance = zeros(g.channels);
  for (std::size_t i = 0; i < x.size(); ++i) mean[i % channels] += x[i] / rows;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double distance = x[i] - mean[i % channels];
    variance[i % channels] += distance * distance / rows;
  }
  Values y = batch_norm_inference(x, gamma, beta, mean, variance, g, epsilon);
  return {std::move(y), std::move(mean), std::move(variance)};
}

// Softmax and losses ---------------------------------------------------------------------------------------------

/// log of the sum of exp over a row.
inline double log_sum_exp(const Values& x, std::int64_t row, const RowsGeometry& g) {
  const std::size_t first = static_cast<std::size_t>(row * g.channels);
  double largest = x[first], sum = 0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(g.channels); ++c)
    if (beats(x[first + c], largest)) largest = x[first + c];
  for (std::size_t c = 0; c < static_cast<std::size_t>(g.channels); ++c) sum += std::exp(x[first + c] - largest);
  return largest + std::log(sum);
}

inline Values softmax(const Values& x, const RowsGeometry& g) {
  Values y = zeros(g.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = std::exp(x[i] - log_sum_exp(x, static_cast<std::int64_t>(i) / g.channels, g));
  return y;
}

/// The loss of each row: weight * sum of target * -log softmax(logits); empty weights count as ones.
inline Values softmax_cross_entropy(const Values& logits, const Values& targets, const Values& weights,
                                    const RowsGeometry& g) {
  Values loss = zeros(g.rows);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const std::size_t row = i / static_cast<std::size_t>(g.channels);
    loss[row] += (weights.empty() ? 1 : weights[row]) * targets[i] *
                 (log_sum_exp(logits, static_cast<std::int64_t>(row), g) - logits[i]);
  }
  return loss;
}

/// Targets from class numbers.
inline Values one_hot(const std::vector<int>& labels, const RowsGeometry& g, double smoothing) {
  Values targets(static_cast<std::size_t>(g.size()), smoothing / g.channels);
  for (std::size_t row = 0; row < labels.size(); ++row)
    targets[row * static_cast<std::size_t>(g.channels) + static_cast<std::size_t>(labels[row])] += 1 - smoothing;
  return targets;
}

}  // namespace mien::reference
