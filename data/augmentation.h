// Augmentation: each epoch sees each picture moved, turned, zoomed and lit a little differently.
//
// A transform is drawn from (seed, epoch, number of the picture) alone, so any thread may draw it, in any order, and a
// training that is resumed sees the same pictures.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mien/core/tensor.h"

namespace mien {

/// What the numbers below mean.
enum class AugmentationRules {
  /// What a person expects. A picture is zoomed, sheared and turned about its middle, then shifted: to the right and
  /// down. Angles are degrees, counter-clockwise; a zoom above 1 magnifies, both sides alike; shear leans to the right.
  plain,
  /// Those of Keras's ImageDataGenerator, to the number, quirks included: width and height change places, so that
  /// `width_shift` moves up and `height_shift` to the left; a shift is turned and zoomed with the picture; a zoom above
  /// 1 shrinks, either side by a draw of its own; a picture that is not square turns about (width / 2, height / 2) as
  /// (row, column); brightness cuts to whole numbers; FillMode::wrap overlaps the first pixel with the last.
  keras,
};

/// What is drawn where the input has no pixel.
enum class FillMode {
  nearest,   ///< the nearest pixel of the edge
  constant,  ///< AugmentationOptions::fill_value
  reflect,   ///< the picture mirrored at its edge
  wrap,      ///< the picture again
};

enum class Interpolation { linear, nearest };

/// From where to where a factor is drawn.
struct FactorRange {
  double low = 1, high = 1;
  FactorRange() = default;
  FactorRange(double spread) : low(1 - spread), high(1 + spread) {}  ///< 0.1: 0.9 to 1.1
  FactorRange(double low, double high) : low(low), high(high) {}
  bool operator==(const FactorRange&) const = default;
};

/// How far a shift goes, to either side.
struct ShiftRange {
  double most = 0;                   ///< below 1: a share of the picture's side; from 1 on: pixels
  std::vector<double> choices = {};  ///< or one of these, to either side; pixels, or shares where all lie below 1
  ShiftRange() = default;
  ShiftRange(double most) : most(most) {}
  ShiftRange(std::vector<double> choices) : choices(std::move(choices)) {}
  bool operator==(const ShiftRange&) const = default;
};

/// How strongly pictures are changed; what is left alone is not drawn.
struct AugmentationOptions {
  ShiftRange width_shift = {}, height_shift = {};
  double rotation = 0;                                  ///< degrees at most, to either side
  FactorRange brightness = {};                          ///< pixels are multiplied; bytes are clipped to 0 … 255
  double shear = 0;                                     ///< degrees at most, to either side
  bool horizontal_flip = false, vertical_flip = false;  ///< of every second picture
  FactorRange zoom = {};
  double channel_shift = 0;  ///< added to all pixels, this much at most, within the picture's own range
  FillMode fill = FillMode::nearest;
  float fill_value = 0;
  Interpolation interpolation = Interpolation::linear;
  AugmentationRules rules = AugmentationRules::plain;
  bool operator==(const AugmentationOptions&) const = default;
};

/// Throws Error for strengths that no picture can be drawn with.
void check_augmentation(const AugmentationOptions& options);

/// What is done to one picture, in the numbers of its rules.
struct PictureTransform {
  double rotation = 0;                       ///< degrees
  double width_shift = 0, height_shift = 0;  ///< pixels
  double shear = 0;                          ///< degrees
  double width_zoom = 1, height_zoom = 1;    ///< Keras's zx and zy
  bool flip_horizontal = false, flip_vertical = false;
  std::optional<double> channel_shift = {}, brightness = {};
};

/// Where random numbers come from.
class DrawSource {
 public:
  virtual ~DrawSource() = default;
  virtual double uniform(double low, double high) = 0;  ///< in [low, high)
  virtual int below(int count) = 0;                     ///< 0 … count-1
};

/// Draws a transform of a picture, in the order of Keras's ImageDataGenerator.
PictureTransform draw_transform(const AugmentationOptions& options, int height, int width, DrawSource& source);

/// The transform of picture `index` in an epoch.
PictureTransform draw_transform(const AugmentationOptions& options, int height, int width, std::uint64_t seed,
                                int epoch, int index);

/// result = picture, transformed; each (height, width, channels) in row-major order. `scale` multiplies what came out.
/// Without it, values stay those of the picture: bytes 0 to 255.
void apply_transform(const PictureTransform& transform, const AugmentationOptions& options, const Shape& shape,
                     const std::uint8_t* picture, float* result, float scale = 1);
void apply_transform(const PictureTransform& transform, const AugmentationOptions& options, const Shape& shape,
                     const float* picture, float* result, float scale = 1);

/// The same of a tensor on the CPU, (height, width, channels) of uint8 or float32; the result is float32.
Tensor apply_transform(const PictureTransform& transform, const AugmentationOptions& options, const Tensor& picture);

}  // namespace mien
