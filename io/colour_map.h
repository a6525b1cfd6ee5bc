// Values as colours: maps of values over a picture, and the bar that tells what a colour stands for.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mien/io/image.h"

namespace mien {

/// Scales of colours that rise evenly in lightness or saturation and are told apart by colour-blind readers.
enum class ColourMap {
  grey,        ///< 0 … 1: black to white
  viridis,     ///< 0 … 1: dark violet, green, yellow; by Smith and van der Walt for matplotlib, 2015 (CC0)
  difference,  ///< -1 … 1: blue, white at 0, orange; the ends are Okabe and Ito's, "Color Universal Design" (2008)
};

/// Red, green, blue. Values outside the map's range take the colour of its nearest end, NaN that of 0.
std::array<std::uint8_t, 3> colour_of(ColourMap map, double value);

/// The values, rows from the top, as a picture: grey for ColourMap::grey, else in colour. Throws Error unless there are
/// height * width values.
Image coloured(std::span<const float> values, int height, int width, ColourMap map);

/// The values laid over the picture's grey, the thicker the higher the value, and a difference the thicker the further
/// it is from 0: the picture stays as it is where nothing differs. There must be a value for each pixel. Throws Error
/// otherwise, and for ColourMap::grey.
Image overlay(const Image& picture, std::span<const float> values, ColourMap map);

/// A legend: the colours from the lowest value to the highest, and what these are.
struct ColourBar {
  std::string title = {};
  ColourMap map = ColourMap::viridis;
  std::string low = {}, middle = {}, high = {};  ///< under its left end, its middle and its right end
  bool overlaid = false;                         ///< as overlay() shows them on middle grey
};

/// The colours of a bar at equal distances from left to right, as SVG writes them: "#440154".
std::vector<std::string> bar_colours(const ColourBar& bar);

}  // namespace mien
