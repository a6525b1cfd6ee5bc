// Pictures in groups, with what each of them is: samples of a data set, mistakes, feature maps.
#pragma once

#include <string>
#include <vector>

#include "mien/io/colour_map.h"
#include "mien/io/image.h"

namespace mien {

struct GridPicture {
  Image image = {};
  std::string label = {};        ///< under the picture
  std::string detail = {};       ///< smaller, under the label: a file's name
  std::string description = {};  ///< for those who cannot see it; the label and the detail if empty
  bool pixelated = false;        ///< enlarged to squares without smoothing, and without loss: filters, feature maps
};

struct ImageGridGroup {
  std::string title = {};
  std::vector<GridPicture> pictures = {};
};

struct ImageGridPlot {
  std::string title = {};
  std::vector<ImageGridGroup> groups = {};
  int columns = 6;                   ///< pictures in a row of the SVG
  int pixels = 112;                  ///< longest side at which a picture is embedded; larger ones are made smaller
  std::string description = {};      ///< for those who cannot see it; made from the labels if empty
  std::vector<ColourBar> bars = {};  ///< under the pictures of the SVG: what their colours stand for
};

/// The pictures row by row. On a page, DocumentPictures (io/document.h) fits them to the reader's screen instead.
/// Throws Error where there is no picture or `columns` is not 1 … 32.
std::string to_svg(const ImageGridPlot& plot);

/// The picture as a data URI, a JPEG (a PNG where `pixelated`), no side longer than `pixels`. Throws Error for a
/// picture without pixels.
std::string picture_uri(const GridPicture& picture, int pixels);

/// What a reader who cannot see the picture is told.
std::string picture_description(const GridPicture& picture);

}  // namespace mien
