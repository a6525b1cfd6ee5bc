#include "mien/data/augmentation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "mien/core/random.h"
#include "mien/kernels/cpu/pixel_values.h"
#include "mien/kernels/cpu/warp.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

namespace cpu = kernels::cpu;

/// Draws of one picture: a run of words of the epoch's stream.
class PictureDraws : public DrawSource {
 public:
  PictureDraws(std::uint64_t seed, int epoch, int index)
      : seed_(seed),
        stream_(stream_of(Purpose::augmentation, static_cast<std::uint64_t>(epoch))),
        next_(static_cast<std::uint64_t>(index) * words_per_picture) {}

  double uniform(double low, double high) override { return low + (high - low) * (word() * 0x1p-32); }
  int below(int count) override { return static_cast<int>(static_cast<std::uint64_t>(count) * word() >> 32); }

 private:
  static constexpr std::uint64_t words_per_picture = 16;  // draw_transform takes 12 at most
  std::uint32_t word() { return philox_word(seed_, stream_, next_++); }
  std::uint64_t seed_, stream_, next_;
};

/// Pixels that a picture is shifted by along a side of this length.
double draw_shift(const ShiftRange& range, int side, DrawSource& source) {
  double shift = 0, most = range.most;
  if (!range.choices.empty()) {
    shift = range.choices[static_cast<std::size_t>(source.below(static_cast<int>(range.choices.size())))];
    shift *= source.below(2) == 0 ? -1 : 1;
    most = *std::max_element(range.choices.begin(), range.choices.end());
  } else if (most != 0) {
    shift = source.uniform(-most, most);
  }
  return most < 1 ? shift * side : shift;
}

double radians(double degrees) { return degrees * (std::numbers::pi / 180); }

/// Where a pixel of the result comes from: (row', column') = places · (row, column, 1).
struct Places {
  double row[3], column[3];
};

using Matrix = std::array<std::array<double, 3>, 3>;

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix product{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k) product[i][j] += a[i][k] * b[k][j];
  return product;
}

/// Keras's: rotation, shift, shear and zoom multiplied in this order about (height / 2 - 1/2, width / 2 - 1/2), then
/// the two axes exchanged.
Places keras_places(const PictureTransform& transform, int height, int width) {
  const double angle = radians(transform.rotation), lean = radians(transform.shear);
  const double first = height / 2.0 - 0.5, second = width / 2.0 - 0.5;
  const Matrix rotation{{{std::cos(angle), -std::sin(angle), 0}, {std::sin(angle), std::cos(angle), 0}, {0, 0, 1}}};
  const Matrix shift{{{1, 0, transform.height_shift}, {0, 1, transform.width_shift}, {0, 0, 1}}};
  const Matrix shear{{{1, -std::sin(lean), 0}, {0, std::cos(lean), 0}, {0, 0, 1}}};
  const Matrix zoom{{{transform.width_zoom, 0, 0}, {0, transform.height_zoom, 0}, {0, 0, 1}}};
  const Matrix from_middle{{{1, 0, first}, {0, 1, second}, {0, 0, 1}}};
  const Matrix to_middle{{{1, 0, -first}, {0, 1, -second}, {0, 0, 1}}};
  const Matrix m = from_middle * (rotation * shift * shear * zoom) * to_middle;
  return {{m[1][1], m[1][0], m[1][2]}, {m[0][1], m[0][0], m[0][2]}};
}

/// The inverse of: zoom, shear and turn about the middle, then shift. With x to the right and y down, turning takes
/// (x, y) to (x cos + y sin, y cos - x sin), shearing to (x - y tan, y).
Places plain_places(const PictureTransform& transform, int height, int width) {
  const double angle = radians(transform.rotation), lean = std::tan(radians(transform.shear));
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const double y_by_y = cosine / transform.height_zoom, y_by_x = sine / transform.height_zoom;
  const double x_by_y = (lean * cosine - sine) / transform.width_zoom;
  const double x_by_x = (lean * sine + cosine) / transform.width_zoom;
  const double middle_y = (height - 1) / 2.0, middle_x = (width - 1) / 2.0;
  const double from_y = -(middle_y + transform.height_shift), from_x = -(middle_x + transform.width_shift);
  return {{y_by_y, y_by_x, y_by_y * from_y + y_by_x * from_x + middle_y},
          {x_by_y, x_by_x, x_by_y * from_y + x_by_x * from_x + middle_x}};
}

bool moves(const PictureTransform& t) {
  return t.rotation != 0 || t.width_shift != 0 || t.height_shift != 0 || t.shear != 0 || t.width_zoom != 1 ||
         t.height_zoom != 1;
}

cpu::WarpFill warp_fill(const AugmentationOptions& options) {
  switch (options.fill) {
    case FillMode::constant:
      return cpu::WarpFill::constant;
    case FillMode::reflect:
      return cpu::WarpFill::reflect;
    case FillMode::wrap:
      return options.rules == AugmentationRules::keras ? cpu::WarpFill::wrap_middle : cpu::WarpFill::wrap;
    default:
      return cpu::WarpFill::nearest;
  }
}

template <class T>
void move(const PictureTransform& transform, const AugmentationOptions& options, const Shape& shape, const T* picture,
          float* result) {
  const int height = static_cast<int>(shape[0]), width = static_cast<int>(shape[1]);
  const int channels = static_cast<int>(shape[2]);
  if (moves(transform)) {
    const Places places = options.rules == AugmentationRules::keras ? keras_places(transform, height, width)
                                                                    : plain_places(transform, height, width);
    cpu::Warp warp{.height = height, .width = width, .channels = channels, .row_map = {}, .column_map = {}};
    std::copy_n(places.row, 3, warp.row_map);
    std::copy_n(places.column, 3, warp.column_map);
    warp.flip_rows = transform.flip_vertical, warp.flip_columns = transform.flip_horizontal;
    warp.interpolate = options.interpolation == Interpolation::linear;
    warp.fill = warp_fill(options), warp.fill_value = options.fill_value;
    return cpu::warp(picture, result, warp);
  }
  const std::int64_t row_size = std::int64_t{width} * channels;
  for (int row = 0; row < height; ++row) {
    const T* const from = picture + (transform.flip_vertical ? height - 1 - row : row) * row_size;
    float* const to = result + row * row_size;
    if (!transform.flip_horizontal)
      std::copy_n(from, row_size, to);
    else if (channels == 1)
      std::reverse_copy(from, from + width, to);
    else
      for (int column = 0; column < width; ++column)
        std::copy_n(from + std::int64_t{width - 1 - column} * channels, channels, to + std::int64_t{column} * channels);
  }
}

/// Keras's brightness of a picture with values outside 0 … 255: the picture's own range becomes 0 … 255, and back.
void brighten_stretched(float* values, std::int64_t count, float factor, cpu::ValueRange range) {
  const float span = range.high - range.low;
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] -= range.low;
    if (span != 0) values[i] = values[i] / span * 255;
  }
  cpu::brighten_bytes(values, count, factor);
  for (std::int64_t i = 0; i < count; ++i) values[i] = values[i] / 255 * span + range.low;
}

template <class T>
void apply(const PictureTransform& transform, const AugmentationOptions& options, const Shape& shape, const T* picture,
           float* result, float scale) {
  constexpr bool bytes = sizeof(T) == 1;
  const std::int64_t count = shape.size();
  move(transform, options, shape, picture, result);
  if (transform.channel_shift)
    cpu::shift_values(result, count, static_cast<float>(*transform.channel_shift), cpu::value_range(result, count));
  if (transform.brightness) {
    const auto factor = static_cast<float>(*transform.brightness);
    if (options.rules == AugmentationRules::keras) {
      const bool within = bytes && options.fill_value >= 0 && options.fill_value <= 255;
      const cpu::ValueRange range = within ? cpu::ValueRange{0, 255} : cpu::value_range(result, count);
      if (range.low < 0 || range.high > 255)
        brighten_stretched(result, count, factor, range);
      else
        cpu::brighten_bytes(result, count, factor);
    } else if (bytes) {
      cpu::brighten(result, count, factor);
    } else {
      cpu::scale_values(result, count, factor);
    }
  }
  if (scale != 1) cpu::scale_values(result, count, scale);
}

void check_range(bool rule, const char* name, const char* wanted, double got) {
  check(rule, "augmentation", name, " must be ", wanted, ". Got ", got, ".");
}

void check_factors(const FactorRange& range, const char* name, bool zero_allowed) {
  for (const double factor : {range.low, range.high})
    check_range(std::isfinite(factor) && (factor > 0 || (zero_allowed && factor == 0)), name,
                zero_allowed ? "a factor of at least 0" : "a factor above 0", factor);
  check(range.low <= range.high, "augmentation", name, " must go from the lower to the higher factor. Got ", range.low,
        " to ", range.high, ".");
}

}  // namespace

void check_augmentation(const AugmentationOptions& options) {
  for (const ShiftRange* shift : {&options.width_shift, &options.height_shift}) {
    check_range(shift->most >= 0 && std::isfinite(shift->most), "a shift", "a number from 0", shift->most);
    for (const double choice : shift->choices) check_range(std::isfinite(choice), "a shift", "finite", choice);
  }
  check_range(options.rotation >= 0 && std::isfinite(options.rotation), "rotation", "a number from 0",
              options.rotation);
  check_range(options.shear >= 0 && options.shear < 90, "shear", "at least 0 and under 90 degrees", options.shear);
  check_range(options.channel_shift >= 0 && std::isfinite(options.channel_shift), "channel_shift", "a number from 0",
              options.channel_shift);
  check_factors(options.brightness, "brightness", true);
  check_factors(options.zoom, "zoom", false);
}

PictureTransform draw_transform(const AugmentationOptions& options, int height, int width, DrawSource& source) {
  PictureTransform transform;
  if (options.rotation != 0) transform.rotation = source.uniform(-options.rotation, options.rotation);
  transform.height_shift = draw_shift(options.height_shift, height, source);
  transform.width_shift = draw_shift(options.width_shift, width, source);
  if (options.shear != 0) transform.shear = source.uniform(-options.shear, options.shear);
  if (options.zoom != FactorRange()) {
    transform.width_zoom = transform.height_zoom = source.uniform(options.zoom.low, options.zoom.high);
    if (options.rules == AugmentationRules::keras)
      transform.height_zoom = source.uniform(options.zoom.low, options.zoom.high);
  }
  // Both are drawn even where only one is wanted.
  const bool flip_horizontal = source.uniform(0, 1) < 0.5, flip_vertical = source.uniform(0, 1) < 0.5;
  transform.flip_horizontal = options.horizontal_flip && flip_horizontal;
  transform.flip_vertical = options.vertical_flip && flip_vertical;
  if (options.channel_shift != 0)
    transform.channel_shift = source.uniform(-options.channel_shift, options.channel_shift);
  if (options.brightness != FactorRange())
    transform.brightness = source.uniform(options.brightness.low, options.brightness.high);
  return transform;
}

PictureTransform draw_transform(const AugmentationOptions& options, int height, int width, std::uint64_t seed,
                                int epoch, int index) {
  PictureDraws draws(seed, epoch, index);
  return draw_transform(options, height, width, draws);
}

void apply_transform(const PictureTransform& transform, const AugmentationOptions& options, const Shape& shape,
                     const std::uint8_t* picture, float* result, float scale) {
  apply(transform, options, shape, picture, result, scale);
}

void apply_transform(const PictureTransform& transform, const AugmentationOptions& options, const Shape& shape,
                     const float* picture, float* result, float scale) {
  apply(transform, options, shape, picture, result, scale);
}

Tensor apply_transform(const PictureTransform& transform, const AugmentationOptions& options, const Tensor& picture) {
  check(picture.shape().rank() == 3, "apply_transform", "a picture is (height, width, channels). Got ", picture.shape(),
        ".");
  check(picture.device() == Device::cpu, "apply_transform", "the picture must be on the CPU. Got ", picture.device(),
        ".");
  Tensor result = Tensor::empty(picture.shape());
  if (picture.dtype() == DType::uint8)
    apply(transform, options, picture.shape(), picture.view<std::uint8_t>().data, result.view().data, 1.0f);
  else
    apply(transform, options, picture.shape(), picture.view().data, result.view().data, 1.0f);
  return result;
}

}  // namespace mien
