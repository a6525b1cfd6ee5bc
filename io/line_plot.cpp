// Curves over a common axis: ranges, axes, legend, bands and lines, from back to front.
#include <algorithm>
#include <cmath>
#include <utility>

#include "mien/io/html.h"
#include "mien/io/plot.h"
#include "mien/io/plot_area.h"
#include "mien/io/text.h"

namespace mien {

namespace {

constexpr double area_height = 230, sample_length = 30;

void check_lengths(const LinePlot& plot) {
  for (const PlotSeries& series : plot.series) {
    const std::size_t points = series.y.size();
    for (const auto* other : {&series.x, &series.lower, &series.upper})
      check(other->empty() || other->size() == points, "plot", "series '", series.name, "' has ", points,
            " values and elsewhere ", other->size(), ".");
    check(series.lower.empty() == series.upper.empty(), "plot", "the band of series '", series.name,
          "' needs both its edges.");
  }
}

double x_value(const PlotSeries& series, std::size_t i) {
  return series.x.empty() ? static_cast<double>(i + 1) : series.x[i];
}

struct Ranges {
  PlotRange x, y;
  bool whole_x = true;
};

Ranges find_ranges(const LinePlot& plot) {
  Ranges ranges;
  ranges.x.logarithmic = plot.x_logarithmic;
  ranges.y.logarithmic = plot.y_logarithmic;
  for (const PlotSeries& series : plot.series)
    for (std::size_t i = 0; i < series.y.size(); ++i) {
      const double x = x_value(series, i);
      if (!ranges.x.shows(x)) continue;
      ranges.x.include(x);
      ranges.y.include(series.y[i]);
      if (!series.lower.empty()) ranges.y.include(series.lower[i]), ranges.y.include(series.upper[i]);
      ranges.whole_x = ranges.whole_x && x == std::floor(x);
    }
  for (const PlotMarker& marker : plot.markers) ranges.x.include(marker.x), ranges.y.include(marker.y);
  for (const PlotLevel& level : plot.levels) ranges.y.include(level.y);
  ranges.x.settle();
  ranges.y.settle();
  return ranges;
}

Axis make_y_axis(const LinePlot& plot, const PlotRange& range) {
  const double low = plot.y_low.value_or(std::min(range.low, plot.y_high.value_or(range.low)));
  const double high = plot.y_high.value_or(std::max(range.high, low));
  return make_axis(low, high, {.logarithmic = plot.y_logarithmic, .widen = !plot.y_low && !plot.y_high});
}

// Of many points in one column of the picture only the first, lowest, highest and last can be seen.
std::vector<std::size_t> visible_points(const PlotSeries& series, const PlotArea& area) {
  std::vector<std::size_t> points;
  const std::size_t count = series.y.size();
  const auto column = [&](std::size_t i) { return std::floor(area.x(x_value(series, i))); };
  for (std::size_t begin = 0; begin < count;) {
    std::size_t end = begin + 1, lowest = begin, highest = begin;
    bool gap = !std::isfinite(series.y[begin]);
    while (!gap && end < count && column(end) == column(begin) && std::isfinite(series.y[end])) {
      if (series.y[end] < series.y[lowest]) lowest = end;
      if (series.y[end] > series.y[highest]) highest = end;
      ++end;
    }
    for (const std::size_t i : {begin, std::min(lowest, highest), std::max(lowest, highest), end - 1})
      if (points.empty() || points.back() < i) points.push_back(i);
    begin = end;
  }
  return points;
}

void add_band(SvgDrawing& drawing, const PlotSeries& series, std::size_t index, const PlotArea& area) {
  if (series.lower.empty()) return;
  std::string upper, lower;
  const auto close = [&] {
    if (!upper.empty())
      drawing.add("<path class=\"band f", series_class(index), "\" d=\"M", upper.substr(1), lower, "Z\"/>");
    upper.clear(), lower.clear();
  };
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    const double x = area.x(x_value(series, i)), high = area.y(series.upper[i]), low = area.y(series.lower[i]);
    if (!std::isfinite(x + high + low)) {
      close();
      continue;
    }
    upper += join("L", coordinate(x), " ", coordinate(high));
    lower = join("L", coordinate(x), " ", coordinate(low)) + lower;
  }
  close();
}

void add_line(SvgDrawing& drawing, const PlotSeries& series, std::size_t index, const PlotArea& area) {
  std::string path;
  bool joined = false;
  for (const std::size_t i : visible_points(series, area)) {
    const double x = area.x(x_value(series, i)), y = area.y(series.y[i]);
    const bool shown = std::isfinite(x + y);
    // A point on its own becomes a dot: a line of no length with round ends.
    if (shown) path += join(joined ? "L" : "M", coordinate(x), " ", coordinate(y), joined ? "" : "h0");
    joined = shown;
  }
  if (!path.empty())
    drawing.add("<path class=\"line s", series_class(index), "\"", series_dashes(index), " d=\"", path, "\"/>");
}

void add_marker(SvgDrawing& drawing, const PlotMarker& marker, const PlotArea& area) {
  const double x = area.x(marker.x), y = area.y(marker.y);
  if (!std::isfinite(x + y)) return;
  drawing.add("<path class=\"mark\" stroke-opacity=\".5\" stroke-dasharray=\"1 3\" d=\"M", coordinate(x), " ",
              coordinate(area.top), "V", coordinate(area.bottom()), "\"/><circle class=\"mark\" r=\"5\" cx=\"",
              coordinate(x), "\" cy=\"", coordinate(y), "\"/>");
  const bool right_half = x > area.left + area.width / 2;
  drawing.add_text(x + (right_half ? -6 : 6), area.top + 12, marker.label, right_half ? Anchor::end : Anchor::start);
}

// Returns where the legend ends.
double add_legend(SvgDrawing& drawing, const LinePlot& plot, double top) {
  if (plot.series.size() < 2) return top;
  double x = 2, y = top + line_height / 2;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    const std::string name = cut_to_width(plot.series[i].name, 44);
    const double width = sample_length + 6 + columns(name) * character_width + 14;
    if (x > 2 && x + width > plot_width) x = 2, y += line_height;
    drawing.add("<path class=\"line s", series_class(i), "\"", series_dashes(i), " d=\"M", coordinate(x + 1), " ",
                coordinate(y), "h", coordinate(sample_length - 2), "\"/>");
    drawing.add_text(x + sample_length + 4, y + 4.5, name);
    x += width;
  }
  return y + line_height / 2;
}

std::string describe(const LinePlot& plot) {
  std::string text = join("Lines: ", plot.y_title, " against ", plot.x_title, ".");
  for (const PlotSeries& series : plot.series) {
    PlotRange range;
    double first = NAN, last = NAN;
    for (const double value : series.y) {
      if (!std::isfinite(value)) continue;
      range.include(value);
      if (std::isnan(first)) first = value;
      last = value;
    }
    text += join(" ", series.name, ": ");
    text += range.low > range.high ? "no values."
                                   : join("from ", said(first), " to ", said(last), ", lowest ", said(range.low),
                                          ", highest ", said(range.high), ".");
  }
  for (const PlotMarker& marker : plot.markers) text += join(" Marked: ", marker.label, ".");
  for (const PlotLevel& level : plot.levels) text += join(" Level: ", level.label, " at ", said(level.y), ".");
  return text;
}

}  // namespace

std::string to_svg(const LinePlot& plot) {
  check_lengths(plot);
  const Ranges ranges = find_ranges(plot);
  SvgDrawing drawing;
  const double top = add_legend(drawing, plot, add_title(drawing, plot.title));
  PlotArea area{.x_axis = make_axis(ranges.x.low, ranges.x.high,
                                    {.logarithmic = plot.x_logarithmic, .whole_numbers = ranges.whole_x}),
                .y_axis = make_y_axis(plot, ranges.y),
                .left = 0,
                .top = top + (plot.y_title.empty() ? 10 : line_height + 14),
                .width = 0,
                .height = area_height};
  area.left = label_room(area.y_axis);
  // The label of the last tick reaches beyond the axis by half its width.
  area.width = plot_width - area.left - 20;
  add_y_axis(drawing, area, plot.y_title);
  const double bottom = add_x_axis(drawing, area, plot.x_title);
  for (const PlotLevel& level : plot.levels) add_level(drawing, area, level.y, level.label);
  drawing.add("<clipPath id=\"", identifier_mark, "-area\"><rect x=\"", coordinate(area.left - 3), "\" y=\"",
              coordinate(area.top - 3), "\" width=\"", coordinate(area.width + 6), "\" height=\"",
              coordinate(area_height + 6), "\"/></clipPath><g clip-path=\"url(#", identifier_mark, "-area)\">");
  for (std::size_t i = 0; i < plot.series.size(); ++i) add_band(drawing, plot.series[i], i, area);
  for (std::size_t i = 0; i < plot.series.size(); ++i) add_line(drawing, plot.series[i], i, area);
  drawing.add("</g>");
  for (const PlotMarker& marker : plot.markers) add_marker(drawing, marker, area);
  return drawing.finish(bottom, plot.title.empty() ? plot.y_title : plot.title,
                        plot.description.empty() ? describe(plot) : plot.description);
}

}  // namespace mien
