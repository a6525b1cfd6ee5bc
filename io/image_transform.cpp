// Colour, part, orientation and sharpness; resizing has a file of its own (resize.cpp).
#include "mien/io/image_transform.h"

#include <algorithm>
#include <utility>

#include "mien/kernels/cpu/colour.h"
#include "mien/kernels/error.h"

namespace mien {

Image to_grey(const Image& image) {
  if (image.channels == 1) return image;
  Image grey(image.height, image.width, 1);
  kernels::cpu::grey_of_colours(image.pixels.data(), static_cast<std::int64_t>(grey.pixels.size()), grey.pixels.data());
  return grey;
}

Image to_colour(const Image& image) {
  if (image.channels == 3) return image;
  Image colour(image.height, image.width, 3);
  std::uint8_t* to = colour.pixels.data();
  for (const std::uint8_t value : image.pixels) to = std::fill_n(to, 3, value);
  return colour;
}

double colourfulness(const Image& image) {
  if (image.channels != 3) return 0;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    const auto [least, most] = std::minmax({image.pixels[i], image.pixels[i + 1], image.pixels[i + 2]});
    sum += most - least;
  }
  return static_cast<double>(sum) / (static_cast<double>(image.height) * image.width);
}

Image turned_upright(Image image, int orientation) {
  check(orientation >= 1 && orientation <= 8, "turned_upright", "orientation must be 1 to 8. Got ", orientation, ".");
  if (orientation == 1) return image;
  // EXIF names the sides that the stored first row and first column are on: 5 to 8 store columns as rows, and the
  // others follow from which end each axis starts at.
  const bool transposed = orientation >= 5;
  const bool rows_reversed = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool columns_reversed = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  Image upright(transposed ? image.width : image.height, transposed ? image.height : image.width, image.channels);
  for (int row = 0; row < upright.height; ++row)
    for (int column = 0; column < upright.width; ++column) {
      const int y = rows_reversed ? upright.height - 1 - row : row;
      const int x = columns_reversed ? upright.width - 1 - column : column;
      const std::uint8_t* from = transposed ? image.row(x) + y * image.channels : image.row(y) + x * image.channels;
      std::copy_n(from, image.channels, upright.row(row) + column * image.channels);
    }
  return upright;
}

Image crop(const Image& image, int top, int left, int height, int width) {
  check(top >= 0 && left >= 0 && height > 0 && width > 0 && height <= image.height - top && width <= image.width - left,
        "crop", "the part must lie inside the picture. Got ", height, " x ", width, " at (", top, ", ", left, ") of ",
        image.height, " x ", image.width, ".");
  Image part(height, width, image.channels);
  for (int row = 0; row < height; ++row)
    std::copy_n(image.row(top + row) + left * image.channels, width * image.channels, part.row(row));
  return part;
}

Image centre_crop(const Image& image, int height, int width) {
  check(height > 0 && width > 0 && height <= image.height && width <= image.width, "centre_crop",
        "the part must fit into the picture. Got ", height, " x ", width, " of ", image.height, " x ", image.width,
        ".");
  return crop(image, (image.height - height) / 2, (image.width - width) / 2, height, width);
}

Image centre_square(const Image& image) {
  const int side = std::min(image.height, image.width);
  return centre_crop(image, side, side);
}

double laplacian_variance(const Image& image) {
  check(!image.pixels.empty(), "laplacian_variance", "the picture is empty.");
  const Image grey = to_grey(image);
  const auto reflected = [](int index, int size) {
    if (size == 1) return 0;
    return index < 0 ? -index : index >= size ? 2 * (size - 1) - index : index;
  };
  // Whole numbers throughout: the sums are exact, and the same however they are ordered.
  std::int64_t sum = 0, squares = 0;
  for (int row = 0; row < grey.height; ++row) {
    const std::uint8_t *here = grey.row(row), *above = grey.row(reflected(row - 1, grey.height)),
                       *below = grey.row(reflected(row + 1, grey.height));
    for (int column = 0; column < grey.width; ++column) {
      const int left = here[reflected(column - 1, grey.width)], right = here[reflected(column + 1, grey.width)];
      const int value = above[column] + below[column] + left + right - 4 * here[column];
      sum += value;
      squares += value * value;
    }
  }
  const double count = static_cast<double>(grey.pixels.size()), mean = static_cast<double>(sum) / count;
  return static_cast<double>(squares) / count - mean * mean;
}

}  // namespace mien
