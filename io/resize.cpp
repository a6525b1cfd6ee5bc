// Resizing as Pillow does it (src/libImaging/Resample.c), to the same bytes.
//
// Each output pixel looks at the place (i + 0.5) * scale of the input; the filter's weights there, normalised and
// rounded to 22 fractional bits, are computed once a column and once a row. Rows are shrunk first, to bytes, then
// columns; an axis that keeps its size is left alone. The loops over pixels are in kernels/cpu/resize.cpp.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "mien/io/image_transform.h"
#include "mien/kernels/cpu/colour.h"
#include "mien/kernels/cpu/resize.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

using kernels::cpu::ResizeWeights;

double support_of(ResizeFilter filter) {
  switch (filter) {
    case ResizeFilter::bilinear:
      return 1;
    case ResizeFilter::bicubic:
      return 2;
    case ResizeFilter::lanczos:
      return 3;
  }
  fail("resize", "unknown filter.");
}

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double weight(ResizeFilter filter, double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  switch (filter) {
    case ResizeFilter::bilinear:
      return x < 1 ? 1 - x : 0;
    case ResizeFilter::bicubic:
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    case ResizeFilter::lanczos:
      return x < 3 ? sinc(x) * sinc(x / 3) : 0;
  }
  fail("resize", "unknown filter.");
}

ResizeWeights weights_of(int input, int output, ResizeFilter filter) {
  const double scale = static_cast<double>(input) / output, stretch = std::max(scale, 1.0);
  const double support = support_of(filter) * stretch;
  struct Span {
    int first, last;
  };
  const auto span_at = [&](double centre) {
    return Span{std::max(0, static_cast<int>(centre - support + 0.5)),
                std::min(input, static_cast<int>(centre + support + 0.5))};
  };
  int most = 0;
  for (int i = 0; i < output; ++i) {
    const Span span = span_at((i + 0.5) * scale);
    most = std::max(most, span.last - span.first);
  }
  ResizeWeights weights(output, most);
  std::vector<double> row;
  std::vector<std::int32_t> fixed;
  for (int i = 0; i < output; ++i) {
    const double centre = (i + 0.5) * scale;
    const Span span = span_at(centre);
    row.clear(), fixed.clear();
    double sum = 0;
    for (int at = span.first; at < span.last; ++at) {
      row.push_back(weight(filter, (at - centre + 0.5) * (1 / stretch)));
      sum += row.back();
    }
    for (const double value : row) {
      const double scaled = (sum == 0 ? value : value / sum) * (1 << kernels::cpu::resize_precision_bits);
      fixed.push_back(static_cast<std::int32_t>(scaled + (value < 0 ? -0.5 : 0.5)));
    }
    weights.add(span.first, fixed);
  }
  return weights;
}

Image resize_rows(const Image& image, int width, ResizeFilter filter) {
  const ResizeWeights weights = weights_of(image.width, width, filter);
  Image result(image.height, width, image.channels);
  // Each colour of a row for itself, with the bytes behind it that the kernel may read and write.
  const std::size_t input_pitch = static_cast<std::size_t>(image.width + weights.taps() + 4);
  const std::size_t output_pitch = kernels::cpu::resize_row_room(width);
  std::vector<std::uint8_t> input(3 * input_pitch), output(3 * output_pitch);
  std::uint8_t* const from[] = {input.data(), input.data() + input_pitch, input.data() + 2 * input_pitch};
  std::uint8_t* const to[] = {output.data(), output.data() + output_pitch, output.data() + 2 * output_pitch};
  for (int row = 0; row < image.height; ++row) {
    if (image.channels == 1) {
      std::copy_n(image.row(row), image.width, from[0]);
      kernels::cpu::resize_row(from[0], to[0], weights);
      std::copy_n(to[0], width, result.row(row));
    } else {
      kernels::cpu::split_colours(image.row(row), image.width, from);
      for (int channel = 0; channel < 3; ++channel) kernels::cpu::resize_row(from[channel], to[channel], weights);
      kernels::cpu::join_colours(to, width, result.row(row));
    }
  }
  return result;
}

Image resize_columns(const Image& image, int height, ResizeFilter filter) {
  const ResizeWeights weights = weights_of(image.height, height, filter);
  Image result(height, image.width, image.channels);
  const std::int64_t row_bytes = std::int64_t{image.width} * image.channels;
  for (int row = 0; row < height; ++row)
    kernels::cpu::resize_column(image.pixels.data(), row_bytes, result.row(row), row_bytes, weights, row);
  return result;
}

}  // namespace

Image resize(const Image& image, int height, int width, ResizeFilter filter) {
  check(height > 0 && width > 0 && !image.pixels.empty(), "resize", "sizes must be at least 1. Got ", image.height,
        " x ", image.width, " to ", height, " x ", width, ".");
  const bool rows = width != image.width, columns = height != image.height;
  if (rows && columns) return resize_columns(resize_rows(image, width, filter), height, filter);
  if (rows) return resize_rows(image, width, filter);
  return columns ? resize_columns(image, height, filter) : image;
}

}  // namespace mien
