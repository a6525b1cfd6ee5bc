// Layout by arithmetic; letters from stb_easy_font, whose strokes are rectangles on whole pixels.
#include "mien/io/sample_grid.h"

#include <stb/stb_easy_font.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "mien/io/image_transform.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

constexpr int line_height = 12;  // of the font, with the space below
constexpr std::uint8_t white = 255, ink = 32;

void fill(Image& sheet, int top, int left, int bottom, int right, std::uint8_t value) {
  top = std::max(top, 0), left = std::max(left, 0);
  bottom = std::min(bottom, sheet.height), right = std::min(right, sheet.width);
  for (int row = top; row < bottom; ++row)
    if (left < right) std::fill_n(sheet.row(row) + left * sheet.channels, (right - left) * sheet.channels, value);
}

// The label in the font's characters, cut to the width.
std::string fitted(std::string text, int width) {
  // One mark for a character of UTF-8, whose further bytes start with the bits 10.
  std::erase_if(text, [](char letter) { return (static_cast<unsigned char>(letter) & 0xC0) == 0x80; });
  std::replace_if(
      text.begin(), text.end(), [](char letter) { return letter < 32 || letter > 126; }, '?');
  while (!text.empty() && stb_easy_font_width(text.data()) > width) text.pop_back();
  return text;
}

void write_label(Image& sheet, int top, int left, int width, int scale, const std::string& label) {
  std::string text = fitted(label, width / scale);
  struct Corner {
    float x, y, z;
    std::uint8_t colour[4];
  };
  std::vector<std::array<Corner, 4>> strokes(text.size() * 16 + 1);  // a letter has at most 13
  const int count = stb_easy_font_print(0, 0, text.data(), nullptr, strokes.data(),
                                        static_cast<int>(strokes.size() * sizeof(strokes[0])));
  const int centred = left + (width - stb_easy_font_width(text.data()) * scale) / 2;
  for (int i = 0; i < count; ++i) {
    const Corner &first = strokes[static_cast<std::size_t>(i)][0], &last = strokes[static_cast<std::size_t>(i)][2];
    const auto at = [scale](float place) { return scale * static_cast<int>(std::lround(place)); };
    fill(sheet, top + at(first.y), centred + at(first.x), top + at(last.y), centred + at(last.x), ink);
  }
}

Image fitted(const Image& image, int cell) {
  const int longest = std::max(image.height, image.width);
  const auto scaled = [&](int side) {
    return std::max(1, static_cast<int>((std::int64_t{2} * side * cell + longest) / (std::int64_t{2} * longest)));
  };
  return resize(image, scaled(image.height), scaled(image.width));
}

}  // namespace

Image sample_grid(std::span<const Image> images, const SampleGridOptions& options) {
  check(!images.empty(), "sample_grid", "there must be a picture.");
  check(options.columns >= 1 && options.columns <= 1000 && options.cell >= 1 && options.cell <= 4096 &&
            options.gap >= 0 && options.gap <= 1000,
        "sample_grid", "columns must be 1 to 1000, cell 1 to 4096, gap 0 to 1000. Got ", options.columns, ", ",
        options.cell, ", ", options.gap, ".");
  check(options.labels.empty() || options.labels.size() == images.size(), "sample_grid",
        "there must be a label for each picture, or none. Got ", options.labels.size(), " for ", images.size(), ".");
  const int scale = std::max(1, options.cell / 96);
  const int count = static_cast<int>(images.size()), columns = std::min(options.columns, count);
  const int rows = (count + columns - 1) / columns;
  const int text_height = options.labels.empty() ? 0 : line_height * scale;
  const int row_step = options.cell + text_height + options.gap, column_step = options.cell + options.gap;
  check(rows <= 65535 / row_step && columns <= 65535 / column_step, "sample_grid",
        "the sheet would have over 65535 rows or columns: ", rows, " x ", columns, " cells of ", options.cell, ".");
  const bool colour = std::any_of(images.begin(), images.end(), [](const Image& image) { return image.channels == 3; });

  Image sheet(rows * row_step + options.gap, columns * column_step + options.gap, colour ? 3 : 1);
  std::fill(sheet.pixels.begin(), sheet.pixels.end(), white);
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const Image picture = colour ? to_colour(fitted(images[index], options.cell)) : fitted(images[index], options.cell);
    const int top = options.gap + i / columns * row_step, left = options.gap + i % columns * column_step;
    for (int row = 0; row < picture.height; ++row)
      std::copy_n(picture.row(row), picture.width * sheet.channels,
                  sheet.row(top + (options.cell - picture.height) / 2 + row) +
                      (left + (options.cell - picture.width) / 2) * sheet.channels);
    if (!options.labels.empty())
      write_label(sheet, top + options.cell + 2 * scale, left, options.cell, scale, options.labels[index]);
  }
  return sheet;
}

}  // namespace mien
