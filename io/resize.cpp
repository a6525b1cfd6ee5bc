// Resizing as Pillow does it (src/libImaging/Resample.c), to the same bytes.
//
// Each output pixel looks at the place (i + 0.5) * scale of the input; the filter's weights there, normalised and
// rounded to 22 fractional bits, are computed once a column and once a row. Rows are shrunk first, to bytes, then
// columns; an axis that keeps its size is left alone.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "mien/io/image_transform.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

constexpr int precision_bits = 22;  // 32, less 8 of the value and 2 for weights beyond 1 and below 0

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

// For each output place, the first input pixel and the weights from there on.
struct Weights {
  struct Place {
    int first, count;
    std::size_t offset;  // into `values`
  };
  std::vector<Place> places;
  std::vector<int> values;
};

Weights weights_of(int input, int output, ResizeFilter filter) {
  const double scale = static_cast<double>(input) / output, stretch = std::max(scale, 1.0);
  const double support = support_of(filter) * stretch;
  Weights weights;
  std::vector<double> row;
  for (int i = 0; i < output; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int last = std::min(input, static_cast<int>(centre + support + 0.5));
    row.clear();
    double sum = 0;
    for (int at = first; at < last; ++at) {
      row.push_back(weight(filter, (at - centre + 0.5) * (1 / stretch)));
      sum += row.back();
    }
    weights.places.push_back({first, last - first, weights.values.size()});
    for (const double value : row) {
      const double fixed = (sum == 0 ? value : value / sum) * (1 << precision_bits);
      weights.values.push_back(static_cast<int>(fixed + (value < 0 ? -0.5 : 0.5)));
    }
  }
  return weights;
}

std::uint8_t to_byte(int fixed) { return static_cast<std::uint8_t>(std::clamp(fixed >> precision_bits, 0, 255)); }

constexpr int half = 1 << (precision_bits - 1);

template <int channels>
void shrink_row(const std::uint8_t* from, std::uint8_t* to, const Weights& weights) {
  for (const Weights::Place& place : weights.places) {
    const int* factor = weights.values.data() + place.offset;
    const std::uint8_t* pixel = from + place.first * channels;
    int sum[channels];
    std::fill_n(sum, channels, half);
    for (int i = 0; i < place.count; ++i)
      for (int channel = 0; channel < channels; ++channel) sum[channel] += pixel[i * channels + channel] * factor[i];
    for (int channel = 0; channel < channels; ++channel) *to++ = to_byte(sum[channel]);
  }
}

Image resize_rows(const Image& image, int width, ResizeFilter filter) {
  const Weights weights = weights_of(image.width, width, filter);
  Image result(image.height, width, image.channels);
  for (int row = 0; row < image.height; ++row) {
    if (image.channels == 1) shrink_row<1>(image.row(row), result.row(row), weights);
    if (image.channels == 3) shrink_row<3>(image.row(row), result.row(row), weights);
  }
  return result;
}

Image resize_columns(const Image& image, int height, ResizeFilter filter) {
  const Weights weights = weights_of(image.height, height, filter);
  Image result(height, image.width, image.channels);
  const auto row_bytes = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  std::vector<int> sums(row_bytes);
  for (int row = 0; row < height; ++row) {
    const Weights::Place& place = weights.places[static_cast<std::size_t>(row)];
    std::fill(sums.begin(), sums.end(), half);
    for (int i = 0; i < place.count; ++i) {
      const std::uint8_t* from = image.row(place.first + i);
      const int factor = weights.values[place.offset + static_cast<std::size_t>(i)];
      for (std::size_t at = 0; at < row_bytes; ++at) sums[at] += from[at] * factor;
    }
    std::transform(sums.begin(), sums.end(), result.row(row), to_byte);
  }
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
