// A confusion matrix: which classes are taken for which.
#include <algorithm>
#include <numeric>

#include "mien/core/numbers.h"
#include "mien/io/html.h"
#include "mien/io/plot.h"
#include "mien/io/svg.h"
#include "mien/io/text.h"

namespace mien {

namespace {

constexpr int longest_label = 14;       // columns; longer class names are cut
constexpr double highest_cell = 58;     // few classes make wide cells, not high ones
constexpr double least_for_count = 20;  // width of a cell that can hold a count
constexpr double least_for_share = 63;  // and of one that can hold the percentage beneath it

void check_counts(const ConfusionPlot& plot) {
  const std::size_t classes = plot.classes.size();
  check(classes > 0, "plot", "a confusion matrix needs classes.");
  check(plot.counts.size() == classes, "plot", "a confusion matrix of ", classes, " classes needs as many rows. Got ",
        plot.counts.size(), ".");
  for (const auto& row : plot.counts) {
    check(row.size() == classes, "plot", "a confusion matrix of ", classes, " classes needs as many columns. Got ",
          row.size(), ".");
    for (const std::int64_t count : row) check(count >= 0, "plot", "counts are not negative. Got ", count, ".");
  }
}

std::int64_t row_total(const ConfusionPlot& plot, std::size_t row) {
  return std::accumulate(plot.counts[row].begin(), plot.counts[row].end(), std::int64_t{0});
}

double share(std::int64_t count, std::int64_t total) {
  return total > 0 ? static_cast<double>(count) / static_cast<double>(total) : 0;
}

std::string describe(const ConfusionPlot& plot) {
  std::int64_t right = 0, total = 0;
  std::string rows;
  for (std::size_t i = 0; i < plot.classes.size(); ++i) {
    const std::int64_t in_row = row_total(plot, i);
    right += plot.counts[i][i];
    total += in_row;
    rows += join(" ", plot.classes[i], ": ", plot.counts[i][i], " of ", in_row, " right");
    for (std::size_t j = 0; j < plot.classes.size(); ++j)
      if (j != i && plot.counts[i][j] > 0) rows += join(", ", plot.counts[i][j], " taken for ", plot.classes[j]);
    rows += ".";
  }
  const std::string all =
      join("Confusion matrix: ", right, " of ", total, " right (", percent(share(right, total)), ").");
  return plot.classes.size() <= 12 ? all + rows : all;
}

void add_cell(SvgDrawing& drawing, const ConfusionPlot& plot, std::size_t row, std::size_t column, double x, double y,
              double width, double height) {
  const std::int64_t count = plot.counts[row][column], total = row_total(plot, row);
  const double part = share(count, total);
  const std::string place = join("x=\"", coordinate(x), "\" y=\"", coordinate(y), "\" width=\"", coordinate(width),
                                 "\" height=\"", coordinate(height), "\"");
  drawing.add("<g><title>",
              escape_html(join(plot.row_title, " ", plot.classes[row], ", ", plot.column_title, " ",
                               plot.classes[column], ": ", count, " of ", total, " (", percent(part), ")")),
              "</title><rect class=\"heat\" fill-opacity=\"", fixed(part, 3), "\" ", place, "/><rect class=\"cell\" ",
              place, "/>");
  const std::string text = grouped(count);
  const bool large = width >= least_for_share && height >= 44;
  const bool fits = columns(text) * (large ? 10.0 : 6.5) < width;
  // Where the text must change from the page's colour to its opposite to stay readable: sooner on dark paper.
  const std::string on = part > 0.8 ? " on-full" : part > 0.6 ? " on-half" : "";
  const double middle = x + width / 2;
  if (width >= least_for_count && fits)
    drawing.add_text(middle, y + height / 2 + (large ? 1 : 4), text, Anchor::middle, (large ? "number" : "small") + on);
  if (large) drawing.add_text(middle, y + height / 2 + 19, total > 0 ? percent(part) : "–", Anchor::middle, on);
  drawing.add("</g>");
}

}  // namespace

std::string to_svg(const ConfusionPlot& plot) {
  check_counts(plot);
  const std::size_t classes = plot.classes.size();
  std::vector<std::string> names;
  int widest = 0;
  for (const std::string& name : plot.classes) {
    names.push_back(cut_to_width(name, longest_label));
    widest = std::max(widest, columns(names.back()));
  }
  const double label_width = widest * character_width;
  const double left = std::max(label_width, columns(plot.row_title) * character_width) + 10;
  const double columns_width = plot_width - left - 2;
  const bool slanted = label_width + 4 > columns_width / static_cast<double>(classes);
  // The last slanted name reaches beyond its column.
  const double last_width = columns(names.back()) * character_width * 0.75;
  const double overhang = slanted ? std::max(last_width - columns_width / static_cast<double>(classes) / 2, 0.0) : 0;
  const double width = (columns_width - overhang) / static_cast<double>(classes);
  const double height = std::min(width, highest_cell);

  SvgDrawing drawing;
  double top = 4;
  if (!plot.title.empty()) drawing.add_text(2, top + 14, plot.title, Anchor::start, "strong"), top += 24;
  drawing.add_text(left + width * static_cast<double>(classes) / 2, top + 15, plot.column_title, Anchor::middle);
  top += line_height + 4 + (slanted ? label_width * 0.75 + 8 : line_height);
  drawing.add_text(left - 8, top - 8, plot.row_title, Anchor::end);
  for (std::size_t i = 0; i < classes; ++i) {
    const double x = left + (static_cast<double>(i) + 0.5) * width, y = top + (static_cast<double>(i) + 0.5) * height;
    if (slanted) drawing.add("<g transform=\"translate(", coordinate(x), " ", coordinate(top - 7), ") rotate(-45)\">");
    drawing.add_text(slanted ? 0 : x, slanted ? 0 : top - 8, names[i], slanted ? Anchor::start : Anchor::middle);
    if (slanted) drawing.add("</g>");
    drawing.add_text(left - 8, y + 5, names[i], Anchor::end);
    for (std::size_t j = 0; j < classes; ++j)
      add_cell(drawing, plot, i, j, left + static_cast<double>(j) * width, top + static_cast<double>(i) * height, width,
               height);
  }
  return drawing.finish(top + height * static_cast<double>(classes) + 4,
                        plot.title.empty() ? "Confusion matrix" : plot.title,
                        plot.description.empty() ? describe(plot) : plot.description);
}

}  // namespace mien
