// Pictures of another size, as TensorFlow's and Keras's resize give them: each pixel a weighted mean of those round the
// place that it comes from, along the height and along the width by themselves.
//
// Along one axis that is a matrix (to, from) of few entries that are not 0, so the op is matrix products and its
// gradient their transposes. For files on disk, io/image_transform.h is faster.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "mien/core/autograd.h"
#include "mien/core/ops/reshape.h"
#include "mien/core/ops/window.h"

namespace mien {

/// Which pixels count for one of the result. Centres lie at halves: pixel i covers i to i + 1.
enum class Resampling : std::uint8_t {
  nearest,   ///< the pixel that its centre falls into
  bilinear,  ///< the two nearest to its centre along each axis, by closeness
  area,      ///< all that it covers, by how much
};

struct Resize2dOptions {
  Resampling resampling = Resampling::bilinear;
  bool antialias = false;  ///< bilinear, when shrinking: the triangle of weights is as wide as it must be to miss none
};

/// The weights of one axis: row i holds those of result i over the `from` pixels, and sums to 1.
inline std::vector<float> resampling_weights(int from, int to, const Resize2dOptions& options) {
  std::vector<float> weights(static_cast<std::size_t>(from) * static_cast<std::size_t>(to), 0.0f);
  const double scale = static_cast<double>(from) / to;
  for (int i = 0; i < to; ++i) {
    float* const row = weights.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(from);
    const double centre = (i + 0.5) * scale;
    if (options.resampling == Resampling::nearest) {
      row[std::min(static_cast<int>(centre), from - 1)] = 1;
      continue;
    }
    const double reach = options.antialias ? std::max(scale, 1.0) : 1.0;
    std::vector<double> parts(static_cast<std::size_t>(from));
    double sum = 0;
    for (int k = 0; k < from; ++k) {
      double& part = parts[static_cast<std::size_t>(k)];
      if (options.resampling == Resampling::area)
        part = std::max(0.0, std::min(k + 1.0, (i + 1) * scale) - std::max(static_cast<double>(k), i * scale));
      else
        part = std::max(0.0, 1 - std::abs(k + 0.5 - centre) / reach);
      sum += part;
    }
    for (int k = 0; k < from; ++k) row[k] = static_cast<float>(parts[static_cast<std::size_t>(k)] / sum);
  }
  return weights;
}

/// y (outer, to, inner) of x (outer, from, inner): the middle axis multiplied by `weights`, (to, from), or (from, to)
/// transposed. Outside any graph.
inline Tensor map_axis(const Tensor& x, const Tensor& weights, bool transposed) {
  const std::int64_t outer = x.shape()[0], from = x.shape()[1], inner = x.shape()[2];
  const std::int64_t to = weights.shape()[transposed ? 1 : 0];
  const auto product = kernels::matmul(x.device());
  const auto length = [](std::int64_t value) { return narrow(value, "resize2d"); };
  Tensor y = Tensor::empty({outer, to, inner}, x.device());
  if (inner > outer) {  // a product for each matrix (from, inner)
    for (std::int64_t i = 0; i < outer; ++i) {
      Tensor part = y.slice(i, i + 1);
      product(weights.view(), x.slice(i, i + 1).view(), part.view(),
              {length(to), length(inner), length(from), transposed, false});
    }
    return y;
  }
  Tensor one = Tensor::empty({outer, from}, x.device()), mapped = Tensor::empty({outer, to}, x.device());
  for (std::int64_t i = 0; i < inner; ++i) {  // a product for each channel
    kernels::read_band(x.device())(x.view(), one.view(), {.outer = outer * from, .wide = inner, .offset = i});
    product(std::as_const(one).view(), weights.view(), mapped.view(),
            {length(outer), length(to), length(from), false, !transposed});
    kernels::write_band(x.device())(std::as_const(mapped).view(), y.view(),
                                    {.outer = outer * to, .wide = inner, .offset = i});
  }
  return y;
}

/// x (batch, height, width, channels) → (batch, size.height, size.width, channels).
inline Tensor resize2d(const Tensor& x, Extent2d size, const Resize2dOptions& options = {}) {
  const char* const op = "resize2d";
  check_float(op, "x", x);
  check(x.shape().rank() == 4 && x.size() > 0, op,
        "input must have 4 axes (batch, height, width, channels). Got x=", x.shape(), ".");
  check(size.height >= 1 && size.width >= 1, op, "the size must be at least 1x1. Got ", size, ".");
  const std::int64_t batch = x.shape()[0], height = x.shape()[1], width = x.shape()[2], channels = x.shape()[3];
  const auto weights = [&](std::int64_t from, int to) {
    return Tensor::from(resampling_weights(narrow(from, op), to, options), {to, from}, x.device());
  };
  const Tensor rows = weights(height, size.height), columns = weights(width, size.width);
  const Tensor between = map_axis(reshape(x.detach(), {batch, height, width * channels}), rows, false);
  const Tensor mapped = map_axis(reshape(between, {batch * size.height, width, channels}), columns, false);
  const Tensor y = reshape(mapped, {batch, size.height, size.width, channels});
  return record(op, y, {x}, [=](Backward& back) {
    const NoGrad no_grad;
    const Tensor dy = reshape(back.dy_tensor(), {batch * size.height, size.width, channels});
    const Tensor by_row = reshape(map_axis(dy, columns, true), {batch, size.height, width * channels});
    back.set_grad(0, reshape(map_axis(by_row, rows, true), {batch, height, width, channels}));
  });
}

}  // namespace mien
