// Augmentation: cases worked by hand, what lies outside, draws, and the loader that does it ahead of the step.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "mien/data/augmentation.h"
#include "mien/data/loader.h"
#include "mien/kernels/error.h"
#include "mien/tests/kernel_testing.h"

using namespace mien;
using namespace mien::testing;

namespace {

using Floats = std::vector<float>;

constexpr FillMode all_fills[] = {FillMode::nearest, FillMode::constant, FillMode::reflect, FillMode::wrap};
constexpr AugmentationRules both_rules[] = {AugmentationRules::plain, AugmentationRules::keras};

/// What a grey picture of bytes becomes, rounded to a thousandth.
Floats transformed(const PictureTransform& transform, const std::vector<std::uint8_t>& pixels, int height, int width,
                   const AugmentationOptions& options = {}) {
  Floats result = apply_transform(transform, options, Tensor::from(pixels, {height, width, 1})).to_vector();
  for (float& value : result) value = std::round(value * 1000) / 1000;
  return result;
}

const std::vector<std::uint8_t> nine{1, 2, 3, 4, 5, 6, 7, 8, 9};

AugmentationOptions strong(AugmentationRules rules) {
  return {.width_shift = 0.2,
          .height_shift = 0.2,
          .rotation = 40,
          .brightness = {0.6, 1.5},
          .shear = 10,
          .horizontal_flip = true,
          .vertical_flip = true,
          .zoom = 0.3,
          .rules = rules};
}

/// Pictures of 12 x 9 whose pixels follow no rule.
Dataset pictures(int count, int channels) {
  LabelledImages all;
  all.class_names = {"a", "b"};
  std::vector<std::uint8_t> pixels;
  Random random(3, Purpose::test);
  for (int i = 0; i < count * 12 * 9 * channels; ++i) pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
  for (int i = 0; i < count; ++i) all.labels.push_back(i % 2);
  all.images = Tensor::from(pixels, {count, 12, 9, channels});
  return Dataset(std::move(all));
}

/// All batches of an epoch, one after another.
Floats epoch_of(const Loader& loader, int epoch) {
  Floats values;
  loader.run(epoch, [&](const Batch& batch) {
    for (const float value : batch.images.to_vector()) values.push_back(value);
    return true;
  });
  return values;
}

}  // namespace

TEST_CASE("plain rules: shifts go right and down, turns are counter-clockwise, zoom magnifies, shear leans right",
          "[augmentation]") {
  const auto scope = with_every_instruction_set();
  CHECK(transformed({.width_shift = 1}, nine, 3, 3) == Floats{1, 1, 2, 4, 4, 5, 7, 7, 8});
  CHECK(transformed({.height_shift = 1}, nine, 3, 3) == Floats{1, 2, 3, 1, 2, 3, 4, 5, 6});
  CHECK(transformed({.width_shift = -0.5}, nine, 3, 3) == Floats{1.5f, 2.5f, 3, 4.5f, 5.5f, 6, 7.5f, 8.5f, 9});
  CHECK(transformed({.rotation = 90}, nine, 3, 3) == Floats{3, 6, 9, 2, 5, 8, 1, 4, 7});
  CHECK(transformed({.shear = 45}, nine, 3, 3) == Floats{1, 1, 2, 4, 5, 6, 8, 9, 9});
  CHECK(transformed({.width_zoom = 2, .height_zoom = 2}, {0, 10, 20, 30}, 1, 4) == Floats{7.5f, 12.5f, 17.5f, 22.5f});
  // Turned first, then shifted: the shift is still to the right.
  CHECK(transformed({.rotation = 90, .width_shift = 1}, nine, 3, 3) == Floats{3, 3, 6, 2, 2, 5, 1, 1, 4});
  // About the middle, also of a picture that is not square.
  CHECK(transformed({.rotation = 180}, {1, 2, 3, 4, 5, 6}, 2, 3) == Floats{6, 5, 4, 3, 2, 1});
}

TEST_CASE("plain rules: the other way round, each side by itself, and not square", "[augmentation]") {
  const auto scope = with_every_instruction_set();
  CHECK(transformed({.rotation = -90}, nine, 3, 3) == Floats{7, 4, 1, 8, 5, 2, 9, 6, 3});
  CHECK(transformed({.shear = -45}, nine, 3, 3) == Floats{2, 3, 3, 4, 5, 6, 7, 7, 8});
  CHECK(transformed({.height_shift = -1}, nine, 3, 3) == Floats{4, 5, 6, 7, 8, 9, 7, 8, 9});
  // Shrunk to half: every second place, about the middle, and the edge's pixel outside.
  CHECK(transformed({.width_zoom = 0.5}, {0, 10, 20, 30}, 1, 4) == Floats{0, 5, 25, 30});
  CHECK(transformed({.height_zoom = 0.5}, {0, 10, 20, 30}, 4, 1) == Floats{0, 5, 25, 30});
  CHECK(transformed({.width_zoom = 2}, nine, 3, 3) == Floats{1.5f, 2, 2.5f, 4.5f, 5, 5.5f, 7.5f, 8, 8.5f});
  CHECK(transformed({.height_zoom = 2}, nine, 3, 3) == Floats{2.5f, 3.5f, 4.5f, 4, 5, 6, 5.5f, 6.5f, 7.5f});
  // The right side comes to the top; its corners lie half way between pixels, and outside from above.
  CHECK(transformed({.rotation = 90}, {1, 2, 3, 4, 5, 6}, 2, 3) == Floats{2.5f, 4, 5.5f, 1.5f, 3, 4.5f});
}

TEST_CASE("plain rules: zoom comes before shear, shear before the turn, the turn before the shift", "[augmentation]") {
  const auto scope = with_every_instruction_set();
  // Row by row from the middle, x = (X + Y) / 2: the other order would be X / 2 + Y.
  CHECK(transformed({.shear = 45, .width_zoom = 2}, nine, 3, 3) == Floats{1, 1.5f, 2, 4.5f, 5, 5.5f, 8, 8.5f, 9});
  // {1, 1, 2, 4, 5, 6, 8, 9, 9} and {1.5, 2, 2.5, …}, turned.
  CHECK(transformed({.rotation = 90, .shear = 45}, nine, 3, 3) == Floats{2, 6, 9, 1, 5, 9, 1, 4, 8});
  CHECK(transformed({.rotation = 90, .width_zoom = 2}, nine, 3, 3) ==
        Floats{2.5f, 5.5f, 8.5f, 2, 5, 8, 1.5f, 4.5f, 7.5f});
  // Twice as large and one to the right is one to the right, not two.
  CHECK(transformed({.width_shift = 1, .width_zoom = 2}, {0, 10, 20, 30}, 1, 4) == Floats{2.5f, 7.5f, 12.5f, 17.5f});
}

TEST_CASE("plain rules: without interpolation each pixel is that of the nearest place", "[augmentation]") {
  const auto scope = with_every_instruction_set();
  const AugmentationOptions nearest{.interpolation = Interpolation::nearest};
  CHECK(transformed({.width_shift = 0.4}, {10, 20, 30, 40}, 1, 4, nearest) == Floats{10, 20, 30, 40});
  CHECK(transformed({.width_shift = 0.6}, {10, 20, 30, 40}, 1, 4, nearest) == Floats{10, 10, 20, 30});
  // Places 0.9, 1.3, 1.7, 2.1 of four.
  CHECK(transformed({.width_zoom = 2.5}, {10, 20, 30, 40}, 1, 4, nearest) == Floats{20, 20, 30, 30});
  CHECK(transformed({.rotation = 90}, nine, 3, 3, nearest) == Floats{3, 6, 9, 2, 5, 8, 1, 4, 7});
}

TEST_CASE("plain rules: bytes are brightened up to 255 and keep their fractions, other numbers are only multiplied",
          "[augmentation]") {
  const auto scope = with_every_instruction_set();
  CHECK(transformed({.brightness = 1.5}, {0, 75, 101, 200}, 2, 2) == Floats{0, 112.5f, 151.5f, 255});
  const Tensor floats = Tensor::from(Floats{-1, 0.5f, 300, 4}, {2, 2, 1});
  CHECK(apply_transform({.brightness = 0.5}, {}, floats).to_vector() == Floats{-0.5f, 0.25f, 150, 2});
  CHECK(transformed({.channel_shift = 20.0}, {10, 50, 90, 100}, 2, 2) == Floats{30, 70, 100, 100});
}

TEST_CASE("flips mirror rows and columns, with every other change and alone", "[augmentation]") {
  const auto scope = with_every_instruction_set();
  CHECK(transformed({.flip_horizontal = true}, nine, 3, 3) == Floats{3, 2, 1, 6, 5, 4, 9, 8, 7});
  CHECK(transformed({.flip_vertical = true}, nine, 3, 3) == Floats{7, 8, 9, 4, 5, 6, 1, 2, 3});
  CHECK(transformed({.width_shift = 1, .flip_horizontal = true}, nine, 3, 3) == Floats{2, 1, 1, 5, 4, 4, 8, 7, 7});
  CHECK(transformed({.height_shift = 1, .flip_vertical = true}, nine, 3, 3) == Floats{4, 5, 6, 1, 2, 3, 1, 2, 3});
  const Tensor colour = Tensor::from(std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}, {1, 2, 3});
  CHECK(apply_transform({.flip_horizontal = true}, {}, colour).to_vector() == Floats{4, 5, 6, 1, 2, 3});
}

TEST_CASE("Keras's rules: width_shift moves up, height_shift to the left, a zoom above 1 shrinks, shear is in degrees",
          "[augmentation]") {
  const auto scope = with_every_instruction_set();
  const AugmentationOptions keras{.rules = AugmentationRules::keras};
  CHECK(transformed({.width_shift = 1}, nine, 3, 3, keras) == Floats{4, 5, 6, 7, 8, 9, 7, 8, 9});
  CHECK(transformed({.height_shift = 1}, nine, 3, 3, keras) == Floats{2, 3, 3, 5, 6, 6, 8, 9, 9});
  CHECK(transformed({.rotation = 90}, nine, 3, 3, keras) == Floats{3, 6, 9, 2, 5, 8, 1, 4, 7});
  CHECK(transformed({.width_zoom = 2}, nine, 3, 3, keras) == Floats{1, 2, 3, 4, 5, 6, 7, 8, 9});
  // 0.2 degrees lean 256 rows by less than half a pixel to either side: sin(0.2 degrees) * 127.5 = 0.445.
  const PictureTransform lean{.shear = 0.2};
  std::vector<std::uint8_t> ramp;
  for (int i = 0; i < 256 * 256; ++i) ramp.push_back(static_cast<std::uint8_t>(i % 256));
  const Floats leaning = transformed(lean, ramp, 256, 256, keras);
  CHECK(leaning[100] == Approx(100.445).margin(1e-3));
  CHECK(leaning[255 * 256 + 100] == Approx(99.555).margin(1e-3));
  CHECK(transformed({.brightness = 0.5}, {3, 5, 255, 0}, 2, 2, keras) == Floats{1, 2, 127, 0});
}

TEST_CASE("outside stands the nearest pixel, a value, the mirrored picture or the picture again", "[augmentation]") {
  const auto scope = with_every_instruction_set();
  const std::vector<std::uint8_t> row{10, 20, 30, 40};
  const PictureTransform right{.width_shift = 2}, left{.width_shift = -5}, keras_left{.height_shift = 2};
  const auto with = [&](const PictureTransform& transform, FillMode fill, AugmentationRules rules) {
    return transformed(transform, row, 1, 4, {.fill = fill, .fill_value = 7, .rules = rules});
  };
  CHECK(with(right, FillMode::nearest, AugmentationRules::plain) == Floats{10, 10, 10, 20});
  CHECK(with(right, FillMode::constant, AugmentationRules::plain) == Floats{7, 7, 10, 20});
  CHECK(with(right, FillMode::reflect, AugmentationRules::plain) == Floats{20, 10, 10, 20});
  CHECK(with(right, FillMode::wrap, AugmentationRules::plain) == Floats{30, 40, 10, 20});
  CHECK(with(left, FillMode::reflect, AugmentationRules::plain) == Floats{30, 20, 10, 10});
  CHECK(with(left, FillMode::wrap, AugmentationRules::plain) == Floats{20, 30, 40, 10});
  CHECK(with(keras_left, FillMode::wrap, AugmentationRules::keras) == Floats{30, 40, 20, 30});
  // Half way between the last pixel and the first.
  CHECK(with({.width_shift = 0.5}, FillMode::wrap, AugmentationRules::plain) == Floats{25, 15, 25, 35});
  CHECK(with({.width_shift = 0.5}, FillMode::constant, AugmentationRules::plain) == Floats{7, 15, 25, 35});
}

TEST_CASE("no shift is too far and no picture too small", "[augmentation]") {
  const auto scope = with_every_instruction_set();
  for (const AugmentationRules rules : both_rules)
    for (const FillMode fill : all_fills)
      for (const Interpolation interpolation : {Interpolation::linear, Interpolation::nearest})
        for (const auto& [height, width] : {std::pair{1, 1}, {1, 5}, {5, 1}, {2, 2}, {17, 33}})
          for (const double shift : {0.0, 0.3, -1.0, 12.5, -1e4, 1e9}) {
            const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width), 90);
            const PictureTransform transform{.rotation = 33,
                                             .width_shift = shift,
                                             .height_shift = -shift,
                                             .width_zoom = 0.7,
                                             .height_zoom = 0.7,
                                             .flip_horizontal = true};
            const AugmentationOptions options{
                .fill = fill, .fill_value = 90, .interpolation = interpolation, .rules = rules};
            INFO(height << " x " << width << ", shift " << shift);
            for (const float value : transformed(transform, pixels, height, width, options))
              REQUIRE(value == Approx(90).margin(1e-3));
          }
}

TEST_CASE("bytes and floats are warped alike, each channel as if it were alone, under each instruction set",
          "[augmentation]") {
  const auto scope = with_every_instruction_set();
  const Dataset colour = pictures(1, 3);
  const std::vector<std::uint8_t> pixels = colour.images({0}).to_vector<std::uint8_t>();
  const Tensor bytes = Tensor::from(pixels, {12, 9, 3});
  const Tensor floats = Tensor::from(Floats(pixels.begin(), pixels.end()), {12, 9, 3});
  for (const AugmentationRules rules : both_rules)
    for (int index = 0; index < 8; ++index) {
      AugmentationOptions options = strong(rules);
      options.fill = all_fills[index % 4];
      options.brightness = {};  // that of plain rules depends on the type
      const PictureTransform transform = draw_transform(options, 12, 9, 1, 0, index);
      const Floats together = apply_transform(transform, options, bytes).to_vector();
      CHECK(together == apply_transform(transform, options, floats).to_vector());
      for (std::size_t channel = 0; channel < 3; ++channel) {
        std::vector<std::uint8_t> one;
        for (std::size_t i = channel; i < pixels.size(); i += 3) one.push_back(pixels[i]);
        const Floats alone = apply_transform(transform, options, Tensor::from(one, {12, 9, 1})).to_vector();
        for (std::size_t i = 0; i < alone.size(); ++i) REQUIRE(alone[i] == together[3 * i + channel]);
      }
    }
}

TEST_CASE("a NaN in a picture stays one through every change", "[augmentation]") {
  const auto scope = with_every_instruction_set();
  for (const AugmentationRules rules : both_rules) {
    const AugmentationOptions options{.rules = rules};
    const Tensor picture = Tensor::from(Floats{1, 2, not_a_number, 4}, {2, 2, 1});
    for (const PictureTransform& transform :
         {PictureTransform{.brightness = 1.2}, PictureTransform{.channel_shift = 1.0}, PictureTransform{}})
      CHECK(std::isnan(apply_transform(transform, options, picture).to_vector()[2]));
    CHECK(std::isnan(apply_transform({.width_shift = 1e-3}, options, picture).to_vector()[2]));
  }
}

TEST_CASE("a transform depends on seed, epoch and picture alone, and stays within what was asked for",
          "[augmentation]") {
  const AugmentationOptions options = strong(AugmentationRules::keras);
  std::vector<double> angles;
  int flips = 0;
  for (int index = 0; index < 1000; ++index) {
    const PictureTransform drawn = draw_transform(options, 20, 30, 1, 4, index);
    CHECK(draw_transform(options, 20, 30, 1, 4, index).rotation == drawn.rotation);
    CHECK(draw_transform(options, 20, 30, 1, 5, index).rotation != drawn.rotation);
    CHECK(draw_transform(options, 20, 30, 2, 4, index).rotation != drawn.rotation);
    CHECK(std::abs(drawn.rotation) <= 40);
    CHECK(std::abs(drawn.height_shift) <= 0.2 * 20);
    CHECK(std::abs(drawn.width_shift) <= 0.2 * 30);
    CHECK(std::abs(drawn.shear) <= 10);
    CHECK((drawn.width_zoom >= 0.7 && drawn.width_zoom <= 1.3 && drawn.height_zoom >= 0.7 && drawn.height_zoom <= 1.3));
    CHECK((*drawn.brightness >= 0.6 && *drawn.brightness <= 1.5));
    angles.push_back(drawn.rotation);
    flips += drawn.flip_horizontal;
  }
  std::sort(angles.begin(), angles.end());
  CHECK(std::unique(angles.begin(), angles.end()) == angles.end());
  CHECK(std::abs(angles[250] + 20) < 5);
  CHECK(std::abs(angles[750] - 20) < 5);
  CHECK(std::abs(flips - 500) < 80);
  const PictureTransform alike = draw_transform(strong(AugmentationRules::plain), 20, 30, 1, 4, 7);
  CHECK(alike.width_zoom == alike.height_zoom);
  const PictureTransform pixels = draw_transform({.width_shift = 4}, 20, 30, 1, 0, 0);
  CHECK(std::abs(pixels.width_shift) <= 4);
  CHECK(pixels.width_shift != 0);
}

TEST_CASE(
    "plain draws: shares are of the picture's own width and height, to both sides, and what is not asked is not drawn",
    "[augmentation]") {
  const AugmentationOptions options = strong(AugmentationRules::plain);
  const AugmentationOptions chosen{.width_shift = std::vector<double>{1, 2, 5}};
  PictureTransform least{.rotation = 99, .width_shift = 99, .height_shift = 99, .shear = 99, .width_zoom = 99}, most;
  std::set<double> shifts;
  int horizontal = 0, vertical = 0;
  for (int index = 0; index < 1000; ++index) {
    const PictureTransform drawn = draw_transform(options, 20, 30, 3, 0, index);
    for (double PictureTransform::*field :
         {&PictureTransform::rotation, &PictureTransform::width_shift, &PictureTransform::height_shift,
          &PictureTransform::shear, &PictureTransform::width_zoom}) {
      least.*field = std::min(least.*field, drawn.*field);
      most.*field = std::max(most.*field, drawn.*field);
    }
    CHECK(drawn.width_zoom == drawn.height_zoom);
    horizontal += drawn.flip_horizontal;
    vertical += drawn.flip_vertical;
    shifts.insert(draw_transform(chosen, 20, 30, 3, 0, index).width_shift);
    const PictureTransform none = draw_transform({}, 20, 30, 3, 0, index);
    CHECK((none.rotation == 0 && none.width_shift == 0 && none.height_shift == 0 && none.shear == 0));
    CHECK((none.width_zoom == 1 && none.height_zoom == 1 && !none.flip_horizontal && !none.flip_vertical));
    CHECK((!none.brightness && !none.channel_shift));
  }
  // 1000 draws come within a fiftieth of either end, and never past it: of 40 degrees, of 0.2 of 30 columns and of 20
  // rows, of 10 degrees, of 0.7 and 1.3.
  const auto check_range = [](double low, double high, double from, double to) {
    const double close = (to - from) / 50;
    CHECK((low >= from && low <= from + close));
    CHECK((high <= to && high >= to - close));
  };
  check_range(least.rotation, most.rotation, -40, 40);
  check_range(least.width_shift, most.width_shift, -6, 6);
  check_range(least.height_shift, most.height_shift, -4, 4);
  check_range(least.shear, most.shear, -10, 10);
  check_range(least.width_zoom, most.width_zoom, 0.7, 1.3);
  CHECK(std::abs(horizontal - 500) < 80);
  CHECK(std::abs(vertical - 500) < 80);
  CHECK(shifts == std::set<double>{-5, -2, -1, 1, 2, 5});
}

TEST_CASE("the loader augments each picture as its transform says, to the same bits on any number of threads",
          "[augmentation]") {
  for (const int channels : {1, 3}) {
    const Dataset data = pictures(23, channels);
    const AugmentationOptions augment = strong(AugmentationRules::keras);
    std::vector<Floats> runs;
    for (const int threads : {1, 2, 3})
      for (const int prefetch : {0, 2}) {
        const ThreadCount scope(threads);
        const Loader loader(data, {.batch = 5, .seed = 9, .prefetch = prefetch, .augment = augment});
        runs.push_back(epoch_of(loader, 3));
        CHECK(runs.back() == runs.front());
        CHECK(epoch_of(loader, 4) != runs.front());
      }
    const Loader loader(data, {.batch = 5, .seed = 9, .augment = augment, .augmented_scale = 0.5f});
    loader.run(3, [&](const Batch& batch) {
      CHECK(batch.images.shape() == data.image_shape().with_batch(static_cast<std::int64_t>(batch.indices.size())));
      for (std::size_t i = 0; i < batch.indices.size(); ++i) {
        const int index = batch.indices[i];
        const Tensor picture = data.images({index}).with_shape(data.image_shape());
        Floats expected = apply_transform(draw_transform(augment, 12, 9, 9, 3, index), augment, picture).to_vector();
        for (float& value : expected) value *= 0.5f;
        const auto place = static_cast<std::int64_t>(i);
        CHECK(batch.images.slice(place, place + 1).to_vector() == expected);
        CHECK(batch.labels.to_vector<std::int32_t>()[i] == index % 2);
      }
      return true;
    });
  }
}

TEST_CASE("strengths that no picture can be drawn with are refused", "[augmentation]") {
  CHECK_THROWS_WITH(check_augmentation({.rotation = -1}), Catch::Contains("rotation must be a number from 0. Got -1"));
  CHECK_THROWS_WITH(check_augmentation({.shear = 90}), Catch::Contains("under 90 degrees. Got 90"));
  CHECK_THROWS_WITH(check_augmentation({.zoom = 1}), Catch::Contains("zoom must be a factor above 0. Got 0"));
  CHECK_THROWS_WITH(check_augmentation({.brightness = {1.2, 0.8}}), Catch::Contains("Got 1.2 to 0.8"));
  CHECK_THROWS_AS(check_augmentation({.width_shift = NAN}), Error);
  CHECK_THROWS_AS(Loader(pictures(4, 1), {.augment = AugmentationOptions{.channel_shift = -2}}), Error);
  CHECK_THROWS_WITH(apply_transform({}, {}, Tensor::zeros({1, 2, 2, 1})), Catch::Contains("(height, width, channels)"));
  check_augmentation(strong(AugmentationRules::plain));
}
