#include "mien/io/colour_map.h"

#include <algorithm>
#include <cmath>

#include "mien/io/image_transform.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

using Colour = std::array<std::uint8_t, 3>;

// Every 17th of matplotlib's 256 colours; between them a straight line is never off by more than 7 of 255.
constexpr std::array<Colour, 16> viridis = {{{68, 1, 84},
                                             {72, 26, 108},
                                             {71, 47, 125},
                                             {65, 68, 135},
                                             {57, 86, 140},
                                             {49, 104, 142},
                                             {42, 120, 142},
                                             {35, 136, 142},
                                             {31, 152, 139},
                                             {34, 168, 132},
                                             {53, 183, 121},
                                             {84, 197, 104},
                                             {122, 209, 81},
                                             {165, 219, 54},
                                             {210, 226, 27},
                                             {253, 231, 37}}};
constexpr Colour white = {255, 255, 255}, blue = {0, 114, 178}, orange = {213, 94, 0};
// Of the highest value and of the lowest: thick enough to read the value, thin enough to see the picture. No difference
// is not seen at all.
constexpr double most_opacity = 0.75, viridis_least_opacity = 0.35;
constexpr int bar_steps = 33;  // odd: a difference has a colour for 0

/// `share` of b, the rest of a.
Colour mixed(const Colour& a, const Colour& b, double share) {
  Colour result;
  for (std::size_t c = 0; c < 3; ++c) result[c] = static_cast<std::uint8_t>(std::lround(a[c] + share * (b[c] - a[c])));
  return result;
}

/// NaN becomes `low`.
double within(double value, double low, double high) { return value > low ? std::min(value, high) : low; }

/// A grey pixel under a value's colour.
Colour overlaid(const Colour& below, ColourMap map, double value) {
  if (map == ColourMap::viridis)
    return mixed(below, colour_of(map, value),
                 viridis_least_opacity + (most_opacity - viridis_least_opacity) * within(value, 0, 1));
  const double inside = std::isnan(value) ? 0 : within(value, -1, 1);
  return mixed(below, inside < 0 ? blue : orange, std::abs(inside) * most_opacity);
}

void check_count(const char* where, std::span<const float> values, int height, int width) {
  check(static_cast<std::int64_t>(values.size()) == std::int64_t{height} * width, where,
        "there must be a value for each pixel. Got ", values.size(), " for ", height, "x", width, ".");
}

}  // namespace

Colour colour_of(ColourMap map, double value) {
  if (map == ColourMap::difference) {
    const double inside = std::isnan(value) ? 0 : within(value, -1, 1);
    return mixed(white, inside < 0 ? blue : orange, std::abs(inside));
  }
  const double inside = within(value, 0, 1);
  if (map == ColourMap::grey) return mixed({0, 0, 0}, white, inside);
  const double place = inside * (viridis.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(place), viridis.size() - 2);
  return mixed(viridis[low], viridis[low + 1], place - static_cast<double>(low));
}

Image coloured(std::span<const float> values, int height, int width, ColourMap map) {
  check_count("coloured", values, height, width);
  Image image(height, width, map == ColourMap::grey ? 1 : 3);
  const auto channels = static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Colour colour = colour_of(map, values[i]);
    std::copy_n(colour.begin(), channels, image.pixels.begin() + static_cast<std::ptrdiff_t>(i * channels));
  }
  return image;
}

Image overlay(const Image& picture, std::span<const float> values, ColourMap map) {
  check_count("overlay", values, picture.height, picture.width);
  check(map != ColourMap::grey, "overlay", "grey over grey cannot be told apart: choose another colour map.");
  const Image grey = to_grey(picture);
  Image image(picture.height, picture.width, 3);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint8_t below = grey.pixels[i];
    const Colour colour = overlaid({below, below, below}, map, values[i]);
    std::copy(colour.begin(), colour.end(), image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
  }
  return image;
}

std::vector<std::string> bar_colours(const ColourBar& bar) {
  std::vector<std::string> colours;
  for (int i = 0; i < bar_steps; ++i) {
    const double share = static_cast<double>(i) / (bar_steps - 1);
    const double value = bar.map == ColourMap::difference ? 2 * share - 1 : share;
    const Colour colour = bar.overlaid && bar.map != ColourMap::grey ? overlaid({128, 128, 128}, bar.map, value)
                                                                     : colour_of(bar.map, value);
    std::string text = "#";
    for (const std::uint8_t channel : colour)
      for (const int digit : {channel >> 4, channel & 15}) text += "0123456789abcdef"[digit];
    colours.push_back(text);
  }
  return colours;
}

}  // namespace mien
