// Colour, size, part, orientation, sharpness and sheets of pictures, against Pillow's and OpenCV's numbers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "mien/core/random.h"
#include "mien/io/image_transform.h"
#include "mien/io/sample_grid.h"
#include "mien/kernels/error.h"
#include "mien/tests/kernel_testing.h"

using namespace mien;
using Catch::Matchers::Contains;

namespace {

using Bytes = std::vector<std::uint8_t>;

// The 5 x 7 picture whose results below come from Pillow 13.0 and OpenCV 5.0.
Image pattern() {
  Image image(5, 7, 1);
  for (int row = 0; row < 5; ++row)
    for (int column = 0; column < 7; ++column)
      image.at(row, column) = static_cast<std::uint8_t>(row * 37 + column * 23 + row * column % 5 * 11);
  return image;
}

Image coloured_pattern() {
  const Image grey = pattern();
  Image image(5, 7, 3);
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
    image.pixels[3 * i] = grey.pixels[i];
    image.pixels[3 * i + 1] = static_cast<std::uint8_t>(255 - grey.pixels[i]);
    image.pixels[3 * i + 2] = static_cast<std::uint8_t>(grey.pixels[i] / 2);
  }
  return image;
}

Image letters(int height, int width, const std::string& text) {
  Image image(height, width, 1);
  image.pixels.assign(text.begin(), text.end());
  return image;
}

/// A picture of any bytes.
Image random_picture(int height, int width, int channels, std::uint64_t which) {
  Image image(height, width, channels);
  Random random(5, Purpose::test, which);
  for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(random.bits());
  return image;
}

/// One axis of a bilinear resize, value by value: Pillow's formula. `at(i)` is the input's pixel i of `size`.
template <class At>
std::uint8_t resized_value(const At& at, int size, int output, int index) {
  const double scale = static_cast<double>(size) / output, stretch = std::max(scale, 1.0);
  const double centre = (index + 0.5) * scale;
  const int first = std::max(0, static_cast<int>(centre - stretch + 0.5));
  const int last = std::min(size, static_cast<int>(centre + stretch + 0.5));
  const auto weight = [&](int i) { return std::max(0.0, 1 - std::abs((i - centre + 0.5) * (1 / stretch))); };
  double total = 0;
  for (int i = first; i < last; ++i) total += weight(i);
  int sum = 1 << 21;
  for (int i = first; i < last; ++i) sum += at(i) * static_cast<int>(weight(i) / total * (1 << 22) + 0.5);
  return static_cast<std::uint8_t>(std::clamp(sum >> 22, 0, 255));
}

/// Rows first, then columns; an axis that keeps its size is left alone.
Image resized_plainly(const Image& image, int height, int width) {
  Image across(image.height, width, image.channels), result(height, width, image.channels);
  for (int row = 0; row < image.height; ++row)
    for (int column = 0; column < width; ++column)
      for (int c = 0; c < image.channels; ++c)
        across.at(row, column, c) = width == image.width ? image.at(row, column, c)
                                                         : resized_value([&](int i) { return image.at(row, i, c); },
                                                                         image.width, width, column);
  for (int row = 0; row < height; ++row)
    for (int column = 0; column < width; ++column)
      for (int c = 0; c < image.channels; ++c)
        result.at(row, column, c) =
            height == image.height
                ? across.at(row, column, c)
                : resized_value([&](int i) { return across.at(i, column, c); }, image.height, height, row);
  return result;
}

std::string text_of(const Image& image) { return {image.pixels.begin(), image.pixels.end()}; }

}  // namespace

TEST_CASE("resizing gives Pillow's bytes", "[image]") {
  const auto scope = testing::with_every_instruction_set();
  const Image image = pattern();
  CHECK(resize(image, 2, 3).pixels == Bytes{66, 125, 161, 151, 201, 144});
  CHECK(resize(image, 2, 3, ResizeFilter::bicubic).pixels == Bytes{56, 121, 165, 154, 214, 141});
  CHECK(resize(image, 2, 3, ResizeFilter::lanczos).pixels == Bytes{51, 119, 170, 153, 221, 141});
  CHECK(resize(image, 7, 9).pixels ==
        Bytes{0,   15,  33,  51,  69,  87,  105, 123, 138, 21,  41,  63,  86,  109, 132, 137, 146, 165, 48,  73,  101,
              127, 143, 172, 170, 175, 200, 74,  104, 139, 162, 154, 189, 193, 204, 234, 100, 135, 159, 175, 204, 215,
              217, 172, 85,  127, 167, 190, 201, 230, 235, 178, 103, 47,  148, 193, 220, 230, 239, 248, 115, 29,  74});
  CHECK(resize(image, 7, 9, ResizeFilter::bicubic).pixels ==
        Bytes{0,   11,  30,  47,  65,  82,  102, 122, 136, 17,  36,  59,  82,  107, 131, 134, 142, 163, 45,  70,  103,
              129, 146, 180, 171, 175, 210, 72,  101, 142, 164, 154, 192, 193, 203, 236, 98,  135, 159, 172, 206, 216,
              238, 184, 67,  127, 172, 194, 202, 235, 241, 184, 93,  29,  147, 196, 227, 233, 240, 255, 100, 2,   80});
  CHECK(resize(coloured_pattern(), 2, 3, ResizeFilter::bicubic).pixels ==
        Bytes{56, 199, 27, 121, 134, 60, 165, 90, 83, 154, 101, 76, 214, 41, 107, 141, 114, 70});
}

TEST_CASE("resizing gives the plain loops' bytes at every size, grey and colour, under each instruction set",
          "[image]") {
  const auto scope = testing::with_every_instruction_set();
  std::uint64_t which = 0;
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 70}, {33, 1}, {17, 65}, {40, 31}, {3, 500}})
    for (const auto& [new_height, new_width] : {std::pair{1, 1}, {5, 3}, {17, 16}, {40, 67}, {2, 130}})
      for (const int channels : {1, 3}) {
        INFO(height << " x " << width << " x " << channels << " to " << new_height << " x " << new_width);
        const Image image = random_picture(height, width, channels, which++);
        CHECK(resize(image, new_height, new_width) == resized_plainly(image, new_height, new_width));
      }
}

TEST_CASE("resizing keeps what has the size already, and a flat picture flat", "[image]") {
  CHECK(resize(pattern(), 5, 7) == pattern());
  Image flat(40, 30, 3);
  std::fill(flat.pixels.begin(), flat.pixels.end(), std::uint8_t{201});
  for (const auto filter : {ResizeFilter::bilinear, ResizeFilter::bicubic, ResizeFilter::lanczos}) {
    const Image resized = resize(flat, 7, 61, filter);
    CHECK(std::all_of(resized.pixels.begin(), resized.pixels.end(), [](int value) { return value == 201; }));
  }
  CHECK_THROWS_WITH(resize(flat, 0, 3), Contains("to 0 x 3"));
  CHECK_THROWS_AS(resize(Image(), 2, 2), Error);
}

TEST_CASE("grey is ITU-R 601 in fixed point", "[image]") {
  const auto scope = testing::with_every_instruction_set();
  for (int width = 1; width <= 70; ++width) {
    const Image colour = random_picture(1, width, 3, static_cast<std::uint64_t>(width)), result = to_grey(colour);
    for (int i = 0; i < width; ++i)
      REQUIRE(result.at(0, i) ==
              (19595 * colour.at(0, i, 0) + 38470 * colour.at(0, i, 1) + 7471 * colour.at(0, i, 2) + 32768) >> 16);
  }
  const Image grey = to_grey(coloured_pattern());
  CHECK(Bytes(grey.pixels.begin(), grey.pixels.begin() + 7) == Bytes{150, 144, 139, 134, 128, 123, 118});
  CHECK(to_grey(to_colour(pattern())) == pattern());
}

TEST_CASE("colourfulness is how far the channels lie apart, and none where they are equal", "[image]") {
  CHECK(colourfulness(pattern()) == 0);
  CHECK(colourfulness(to_colour(pattern())) == 0);
  Image two(1, 2, 3);
  two.pixels = {10, 30, 20, 255, 0, 255};
  CHECK(colourfulness(two) == (20 + 255) / 2.0);
}

TEST_CASE("each of the eight orientations is turned upright", "[image]") {
  // The upright picture is "abc / def"; each string is how a camera stores it under that orientation.
  const Image upright = letters(2, 3, "abcdef");
  const std::string stored[] = {"abcdef", "cbafed", "fedcba", "defabc", "adbecf", "cfbead", "fcebda", "daebfc"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const bool transposed = orientation >= 5;
    INFO(orientation);
    CHECK(turned_upright(letters(transposed ? 3 : 2, transposed ? 2 : 3, stored[orientation - 1]), orientation) ==
          upright);
  }
  CHECK_THROWS_AS(turned_upright(upright, 9), Error);
}

TEST_CASE("a crop holds the part asked for, the centre crop the middle", "[image]") {
  const Image image = letters(3, 4, "abcdefghijkl");
  CHECK(text_of(crop(image, 1, 2, 2, 2)) == "ghkl");
  CHECK(text_of(centre_crop(image, 1, 2)) == "fg");
  CHECK(text_of(centre_crop(image, 2, 3)) == "abcefg");
  CHECK(text_of(centre_square(image)) == "abcefgijk");
  CHECK_THROWS_WITH(crop(image, 2, 0, 2, 2), Contains("2 x 2 at (2, 0) of 3 x 4"));
  CHECK_THROWS_WITH(crop(image, -1, 0, 1, 1), Contains("(-1, 0)"));
  CHECK_THROWS_WITH(centre_crop(image, 4, 4), Contains("of 3 x 4"));
}

TEST_CASE("the variance of the Laplacian is OpenCV's, and falls when a picture is blurred", "[image]") {
  CHECK(laplacian_variance(pattern()) == Approx(48420.40489795918).epsilon(1e-12));
  CHECK(laplacian_variance(to_colour(pattern())) == laplacian_variance(pattern()));
  CHECK(laplacian_variance(Image(1, 1, 1)) == 0.0);
  CHECK(laplacian_variance(resize(resize(pattern(), 2, 3), 5, 7)) < laplacian_variance(pattern()) / 4);
}

TEST_CASE("a sheet shows every picture in its cell, in order", "[image]") {
  std::vector<Image> images(3, Image(2, 2, 1));
  for (std::size_t i = 0; i < images.size(); ++i)
    std::fill(images[i].pixels.begin(), images[i].pixels.end(), static_cast<std::uint8_t>(50 * (i + 1)));
  const Image sheet = sample_grid(images, {.columns = 2, .cell = 4, .gap = 1});
  REQUIRE(sheet.height == 11);
  REQUIRE(sheet.width == 11);
  CHECK(sheet.channels == 1);
  CHECK(sheet.at(1, 1) == 50);
  CHECK(sheet.at(4, 9) == 100);
  CHECK(sheet.at(6, 1) == 150);
  CHECK(sheet.at(6, 6) == 255);
  CHECK(sheet.at(0, 0) == 255);
}

TEST_CASE("a sheet keeps shapes, turns to colour where one picture is, and writes labels", "[image]") {
  const std::vector<Image> images{Image(10, 20, 1), Image(20, 10, 3)};
  const Image plain = sample_grid(images, {.columns = 5, .cell = 40, .gap = 2});
  CHECK(plain.channels == 3);
  CHECK(plain.width == 2 * 42 + 2);
  CHECK(plain.at(2, 20) == 255);  // a wide picture leaves its cell's top white
  CHECK(plain.at(22, 20) == 0);
  const Image labelled =
      sample_grid(images, {.columns = 5, .cell = 40, .gap = 2, .labels = {"joy", "a long name \xC3\xA9"}});
  REQUIRE(labelled.height == plain.height + 12);
  const auto inked = [&](int left, int right) {
    int count = 0;
    for (int row = 42; row < labelled.height; ++row)
      for (int column = left; column < right; ++column) count += labelled.at(row, column) < 128;
    return count;
  };
  CHECK(inked(2, 42) > 10);
  CHECK(inked(44, 84) > 10);
  CHECK(inked(84, 86) == 0);
  CHECK_THROWS_WITH(sample_grid(images, {.labels = {"one"}}), Contains("1 for 2"));
  CHECK_THROWS_AS(sample_grid({}, {}), Error);
  CHECK_THROWS_AS(sample_grid(images, {.columns = 0}), Error);
}
