// Plots drawn as PNG by librsvg: size, paper, colours, letters, pictures within. Without librsvg: a clear refusal.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "../examples/expressions/svg_to_png.h"
#include "mien/io/image.h"
#include "mien/io/image_grid.h"
#include "mien/io/plot.h"
#include "mien/kernels/error.h"

using namespace mien;
using Catch::Matchers::Contains;
using expressions::can_make_png, expressions::png_of;

namespace {

// How many pixels of the part rows [top, bottom) are within `distance` of a colour in every channel.
int pixels_like(const Image& image, int red, int green, int blue, int distance, int top = 0, int bottom = 1 << 20) {
  int found = 0;
  for (int y = top; y < std::min(bottom, image.height); ++y)
    for (int x = 0; x < image.width; ++x)
      found += std::abs(image.at(y, x, 0) - red) <= distance && std::abs(image.at(y, x, 1) - green) <= distance &&
               std::abs(image.at(y, x, 2) - blue) <= distance;
  return found;
}

const LinePlot curve{.title = "Curves", .series = {{.name = "a", .y = {1, 2, 3}}, {.name = "b", .y = {3, 2, 1}}}};

}  // namespace

TEST_CASE("a plot becomes a picture on white, in its light colours, with letters") {
  if (!can_make_png()) {
    CHECK_THROWS_WITH(png_of(to_svg(curve), 960), Contains("built without librsvg"));
    return;
  }
  const Image image = decode_image(png_of(to_svg(curve), 960), "plot.png", {.channels = 3});
  CHECK(image.width == 960);
  CHECK(image.height > 480);
  CHECK(pixels_like(image, 255, 255, 255, 0) > image.width * image.height / 2);
  CHECK(image.at(image.height - 1, 0, 0) == 255);
  CHECK(pixels_like(image, 0x00, 0x72, 0xb2, 8) > 1000);
  CHECK(pixels_like(image, 0xd5, 0x5e, 0x00, 8) > 300);
  CHECK(pixels_like(image, 0x1f, 0x23, 0x28, 40, 0, 50) > 100);  // the title
  CHECK(png_of(to_svg(curve), 960) == png_of(to_svg(curve), 960));
}

TEST_CASE("pictures within a plot show in its PNG") {
  if (!can_make_png()) return;
  Image grey(16, 16, 1), red(16, 16, 3);
  grey.pixels.assign(grey.pixels.size(), 128);
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 16; ++x) red.at(y, x, 0) = 200;
  const ImageGridPlot grid{.groups = {{"", {{.image = grey}, {.image = red, .pixelated = true}}}}, .columns = 2};
  const Image image = decode_image(png_of(to_svg(grid), 480), "grid.png", {.channels = 3});
  CHECK(pixels_like(image, 128, 128, 128, 2) > 230 * 230);
  CHECK(pixels_like(image, 200, 0, 0, 2) > 230 * 230);
}

TEST_CASE("what is no SVG, or too large a picture, is refused") {
  if (!can_make_png()) return;
  CHECK_THROWS_WITH(png_of("<svg", 480), Contains("librsvg cannot draw the picture"));
  CHECK_THROWS_WITH(png_of("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", 480), Contains("no viewBox"));
  CHECK_THROWS_WITH(png_of(to_svg(curve), 8), Contains("16 to 16384 pixels wide. Got 8"));
  CHECK_THROWS_WITH(png_of("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1000\"/>", 480),
                    Contains("high"));
}
