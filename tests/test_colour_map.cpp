// Values as colours: ends, middle, order, and what is laid over a picture.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "mien/io/colour_map.h"
#include "mien/kernels/error.h"

using namespace mien;
using Catch::Matchers::Contains;
using Colour = std::array<std::uint8_t, 3>;
using Values = std::vector<float>;

namespace {

/// Relative luminance as in WCAG 2 (sRGB).
double luminance(const Colour& colour) {
  const auto linear = [](std::uint8_t channel) {
    const double value = channel / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
}

}  // namespace

TEST_CASE("colour maps have matplotlib's colours, and white for no difference") {
  CHECK(colour_of(ColourMap::viridis, 0) == Colour{68, 1, 84});
  CHECK(colour_of(ColourMap::viridis, 0.2) == Colour{65, 68, 135});
  CHECK(colour_of(ColourMap::viridis, 1) == Colour{253, 231, 37});
  CHECK(colour_of(ColourMap::difference, -1) == Colour{0, 114, 178});
  CHECK(colour_of(ColourMap::difference, 0) == Colour{255, 255, 255});
  CHECK(colour_of(ColourMap::difference, 0.5) == Colour{234, 175, 128});
  CHECK(colour_of(ColourMap::grey, 0.2) == Colour{51, 51, 51});
}

TEST_CASE("a higher value is lighter, a larger difference darker") {
  for (int i = 0; i < 100; ++i) {
    const double low = i / 100.0, high = (i + 1) / 100.0;
    INFO(low);
    CHECK(luminance(colour_of(ColourMap::viridis, low)) < luminance(colour_of(ColourMap::viridis, high)));
    CHECK(luminance(colour_of(ColourMap::difference, low)) > luminance(colour_of(ColourMap::difference, high)));
    CHECK(luminance(colour_of(ColourMap::difference, -low)) > luminance(colour_of(ColourMap::difference, -high)));
  }
}

TEST_CASE("values outside a colour map's range take the colour of its end, NaN that of 0") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (const ColourMap map : {ColourMap::grey, ColourMap::viridis, ColourMap::difference}) {
    CHECK(colour_of(map, infinity) == colour_of(map, 1));
    CHECK(colour_of(map, -7) == colour_of(map, map == ColourMap::difference ? -1 : 0));
    CHECK(colour_of(map, nan) == colour_of(map, 0));
  }
}

TEST_CASE("a map of values is a picture, grey or in colour") {
  const Image grey = coloured(Values{0, 1, 0.2f, 0.4f}, 2, 2, ColourMap::grey);
  CHECK(grey.channels == 1);
  CHECK(grey.pixels == std::vector<std::uint8_t>{0, 255, 51, 102});
  const Image colour = coloured(Values{0, 1}, 1, 2, ColourMap::viridis);
  CHECK(colour.pixels == std::vector<std::uint8_t>{68, 1, 84, 253, 231, 37});
  CHECK_THROWS_WITH(coloured(Values{0, 1}, 2, 2, ColourMap::grey), Contains("Got 2 for 2x2."));
}

TEST_CASE("a difference over a picture leaves it grey where there is none") {
  Image picture(1, 3, 3);  // pure green is grey 150
  for (int x = 0; x < 3; ++x) picture.at(0, x, 1) = 255;
  const Image over = overlay(picture, Values{0, 1, -1}, ColourMap::difference);
  CHECK(over.channels == 3);
  CHECK(Colour{over.at(0, 0, 0), over.at(0, 0, 1), over.at(0, 0, 2)} == Colour{150, 150, 150});
  // A quarter of the grey, three quarters of orange (213, 94, 0) or blue (0, 114, 178).
  CHECK(Colour{over.at(0, 1, 0), over.at(0, 1, 1), over.at(0, 1, 2)} == Colour{197, 108, 38});
  CHECK(Colour{over.at(0, 2, 0), over.at(0, 2, 1), over.at(0, 2, 2)} == Colour{38, 123, 171});
  CHECK_THROWS_AS(overlay(picture, Values{0, 0, 0}, ColourMap::grey), Error);
  CHECK_THROWS_AS(overlay(picture, Values{0, 0}, ColourMap::viridis), Error);
}

TEST_CASE("a bar has the colours of the overlay it explains") {
  const std::vector<std::string> plain = bar_colours({.map = ColourMap::viridis});
  CHECK(plain.front() == "#440154");
  CHECK(plain.back() == "#fde725");
  const std::vector<std::string> over = bar_colours({.map = ColourMap::difference, .overlaid = true});
  CHECK(over.size() % 2 == 1);
  CHECK(over[over.size() / 2] == "#808080");
  Image grey(1, 1, 1);
  grey.at(0, 0) = 128;
  const Image end = overlay(grey, Values{1}, ColourMap::difference);
  const auto hex = [](int value) {
    return std::string{"0123456789abcdef"[value >> 4], "0123456789abcdef"[value & 15]};
  };
  CHECK(over.back() == "#" + hex(end.at(0, 0, 0)) + hex(end.at(0, 0, 1)) + hex(end.at(0, 0, 2)));
}
