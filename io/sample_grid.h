// Many pictures on one sheet, for a look at a data set or at what a network gets wrong.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "mien/io/image.h"

namespace mien {

/// How a sheet is laid out; sizes in pixels.
struct SampleGridOptions {
  int columns = 8;
  int cell = 96;                         ///< side of the square each picture is fitted into
  int gap = 4;                           ///< white space between cells and round the sheet
  std::vector<std::string> labels = {};  ///< none, or one a picture, written under it; cut where the cell ends
};

/// The pictures, row by row, each resized to fit its cell without changing its shape. Colour where any of them is,
/// else grey. Labels are ASCII: any other character shows as a question mark.
/// Throws where there is no picture, a size is out of range or there are labels for some pictures only.
Image sample_grid(std::span<const Image> images, const SampleGridOptions& options = {});

}  // namespace mien
