// Pictures in a grid as SVG: the pictures inside as data URIs, their words as text.
#include "mien/io/image_grid.h"

#include <algorithm>
#include <vector>

#include "mien/io/html.h"
#include "mien/io/image_transform.h"
#include "mien/io/svg.h"
#include "mien/io/text.h"

namespace mien {

namespace {

constexpr double gap = 8, small_character = 6.6, small_line = 13;
// Cells that have room for it have labels of a size that grows on a phone.
constexpr double wide_cell = 100, wide_line = 18;
constexpr std::size_t most_lines = 4;  // of a label

/// The text broken at spaces into lines of at most so many columns, a number and its percent sign on one; what does not
/// fit in `most_lines` is cut.
std::vector<std::string> broken(std::string_view text, int width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::size_t end = text.find(' ');
    while (end < text.size() && text.substr(end, 2) == " %") end = text.find(' ', end + 1);
    end = std::min(end, text.size());
    const std::string word(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!lines.empty() && columns(lines.back()) + 1 + columns(word) <= width)
      lines.back() += ' ' + word;
    else
      lines.push_back(word);
  }
  const bool cut = lines.size() > most_lines;
  if (cut) lines.resize(most_lines), lines.back() += "…";
  for (std::string& line : lines) line = cut_to_width(line, width);
  return lines;
}

/// Every pixel becomes a square of `factor` x `factor`.
Image enlarged(const Image& image, int factor) {
  Image result(image.height * factor, image.width * factor, image.channels);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      for (int c = 0; c < image.channels; ++c) result.at(y, x, c) = image.at(y / factor, x / factor, c);
  return result;
}

struct Cell {
  std::vector<std::string> label, detail;
  double height = 0;               // of the picture, SVG units
  double label_line = small_line;  // height of a line of the label

  double all() const {
    return height + static_cast<double>(label.size()) * label_line + static_cast<double>(detail.size()) * small_line;
  }
};

Cell cell_of(const GridPicture& picture, double width) {
  const int characters = std::max(3, static_cast<int>(width / small_character));
  const int longest = std::max(picture.image.width, picture.image.height);
  const bool wide = width >= wide_cell;
  return {broken(picture.label, wide ? static_cast<int>(width / character_width) : characters),
          picture.detail.empty() ? std::vector<std::string>{}
                                 : std::vector<std::string>{cut_to_width(picture.detail, characters)},
          width * picture.image.height / longest, wide ? wide_line : small_line};
}

void add_picture(SvgDrawing& drawing, const GridPicture& picture, const Cell& cell, int pixels, double x, double y,
                 double width) {
  const double own_width = cell.height * picture.image.width / picture.image.height;
  drawing.add("<g><title>", escape_html(picture_description(picture)), "</title><image x=\"",
              coordinate(x + (width - own_width) / 2), "\" y=\"", coordinate(y), "\" width=\"", coordinate(own_width),
              "\" height=\"", coordinate(cell.height), "\" href=\"", picture_uri(picture, pixels), "\"/></g>");
  double baseline = y + cell.height + 2;
  for (const std::string& line : cell.label)
    drawing.add_text(x + width / 2, baseline += cell.label_line, line, Anchor::middle,
                     cell.label_line > small_line ? "" : "small");
  for (const std::string& line : cell.detail)
    drawing.add_text(x + width / 2, baseline += small_line, line, Anchor::middle, "small faint");
}

/// Returns where the next one may begin.
double add_bar(SvgDrawing& drawing, const ColourBar& bar, std::size_t index, double y) {
  constexpr double height = 12;
  if (!bar.title.empty()) drawing.add_text(2, y + 14, bar.title), y += 21;
  const std::vector<std::string> colours = bar_colours(bar);
  drawing.add("<defs><linearGradient id=\"", identifier_mark, "-bar", index, "\">");
  for (std::size_t i = 0; i < colours.size(); ++i)
    drawing.add("<stop offset=\"", coordinate(static_cast<double>(i) / static_cast<double>(colours.size() - 1)),
                "\" stop-color=\"", colours[i], "\"/>");
  drawing.add("</linearGradient></defs><rect class=\"cell\" style=\"fill:url(#", identifier_mark, "-bar", index,
              ")\" x=\"1\" y=\"", coordinate(y), "\" width=\"", coordinate(plot_width - 2), "\" height=\"",
              coordinate(height), "\"/>");
  y += height + wide_line;
  drawing.add_text(2, y, bar.low);
  drawing.add_text(plot_width / 2, y, bar.middle, Anchor::middle);
  drawing.add_text(plot_width - 2, y, bar.high, Anchor::end);
  return y + gap;
}

std::string describe(const ImageGridPlot& plot) {
  std::string text;
  for (const ImageGridGroup& group : plot.groups) {
    text += join(text.empty() ? "" : " ", group.title.empty() ? "Pictures" : group.title, ": ");
    for (std::size_t i = 0; i < group.pictures.size(); ++i)
      text += join(i ? "; " : "", picture_description(group.pictures[i]));
    text += '.';
  }
  return text;
}

}  // namespace

std::string picture_description(const GridPicture& picture) {
  if (!picture.description.empty()) return picture.description;
  if (picture.label.empty() && picture.detail.empty()) return "a picture";
  return join(picture.label, picture.label.empty() || picture.detail.empty() ? "" : ", ", picture.detail);
}

std::string picture_uri(const GridPicture& picture, int pixels) {
  const int longest = std::max(picture.image.width, picture.image.height);
  check(longest > 0 && pixels > 0, "plot", "a picture needs pixels. Got ", picture.image.width, "x",
        picture.image.height, " and a size of ", pixels, ".");
  if (picture.pixelated)
    return data_uri("image/png", encode_png(enlarged(picture.image, std::max(1, pixels / longest))));
  if (longest <= pixels) return data_uri("image/jpeg", encode_jpeg(picture.image, {.quality = 85}));
  const auto side = [&](int value) { return std::max(1, (value * pixels + longest / 2) / longest); };
  const Image small = resize(picture.image, side(picture.image.height), side(picture.image.width));
  return data_uri("image/jpeg", encode_jpeg(small, {.quality = 85}));
}

std::string to_svg(const ImageGridPlot& plot) {
  check(plot.columns >= 1 && plot.columns <= 32, "plot", "a grid of pictures has 1 to 32 columns. Got ", plot.columns,
        ".");
  std::size_t count = 0;
  for (const ImageGridGroup& group : plot.groups) count += group.pictures.size();
  check(count > 0, "plot", "a grid of pictures needs at least one.");

  const auto columns = static_cast<std::size_t>(plot.columns);
  const double width = (plot_width - gap * (plot.columns - 1)) / plot.columns;
  SvgDrawing drawing;
  double y = 4;
  if (!plot.title.empty()) drawing.add_text(2, y + 14, plot.title, Anchor::start, "strong"), y += 26;
  for (const ImageGridGroup& group : plot.groups) {
    if (group.pictures.empty()) continue;
    if (!group.title.empty()) drawing.add_text(2, y + 14, group.title), y += 24;
    for (std::size_t begin = 0; begin < group.pictures.size(); begin += columns) {
      double height = 0;
      for (std::size_t i = begin; i < std::min(begin + columns, group.pictures.size()); ++i) {
        const Cell cell = cell_of(group.pictures[i], width);
        add_picture(drawing, group.pictures[i], cell, plot.pixels, static_cast<double>(i - begin) * (width + gap), y,
                    width);
        height = std::max(height, cell.all());
      }
      y += height + gap + 2;
    }
    y += gap;
  }
  for (std::size_t i = 0; i < plot.bars.size(); ++i) y = add_bar(drawing, plot.bars[i], i, y);
  return drawing.finish(y, plot.title.empty() ? "Pictures" : plot.title,
                        plot.description.empty() ? describe(plot) : plot.description);
}

}  // namespace mien
