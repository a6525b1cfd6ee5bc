// Rows of marks with intervals, to compare variants: each series has a colour and a shape of its own.
#include <algorithm>
#include <cmath>

#include "mien/io/html.h"
#include "mien/io/plot.h"
#include "mien/io/plot_area.h"
#include "mien/io/text.h"

namespace mien {

namespace {

constexpr double series_height = 15, row_gap = 12, mark_size = 4.5;
constexpr int longest_beside = 15;  // columns; where a row's name is longer, names stand above their rows
constexpr int longest_name = 48;

void check_series(const IntervalPlot& plot, const IntervalSeries& series) {
  const std::size_t rows = plot.rows.size();
  check(series.values.size() == rows, "plot", "series '", series.name, "' has ", series.values.size(), " values for ",
        rows, " rows.");
  check(series.lower.size() == series.upper.size() && (series.lower.empty() || series.lower.size() == rows), "plot",
        "the intervals of series '", series.name, "' need both their ends, one a row.");
  check(series.parts.empty() || series.parts.size() == rows, "plot", "the parts of series '", series.name,
        "' are one list a row. Got ", series.parts.size(), " for ", rows, " rows.");
}

/// The parts of one row, from whichever series; nothing where it has none.
struct Entry {
  double value, low, high;
  bool has_interval;
};

Entry entry(const IntervalSeries& series, std::size_t row) {
  const bool interval = !series.lower.empty() && std::isfinite(series.lower[row] + series.upper[row]);
  return {series.values[row], interval ? series.lower[row] : 0, interval ? series.upper[row] : 0, interval};
}

std::string words(const Entry& one) {
  if (!std::isfinite(one.value)) return "no value";
  return join(said(one.value), one.has_interval ? join(" (", said(one.low), " to ", said(one.high), ")") : "");
}

std::string describe(const IntervalPlot& plot) {
  std::string text = join("Marks: ", plot.x_title, " of each row.");
  for (std::size_t row = 0; row < plot.rows.size(); ++row) {
    text += join(" ", plot.rows[row], ": ");
    for (std::size_t i = 0; i < plot.series.size(); ++i)
      text += join(i ? ", " : "", plot.series[i].name, plot.series[i].name.empty() ? "" : " ",
                   words(entry(plot.series[i], row)));
    if (!plot.reference.values.empty()) text += join(", ", plot.reference.name, " ", words(entry(plot.reference, row)));
    text += ".";
  }
  for (const PlotLevel& level : plot.levels) text += join(" Level: ", level.label, " at ", said(level.y), ".");
  return text;
}

/// A circle, a square, a triangle or a cross, so that no series is told by its colour alone.
std::string shape(std::size_t index, double x, double y, double size) {
  switch (index % 4) {
    case 0:
      return join("M", coordinate(x - size), " ", coordinate(y), "a", coordinate(size), " ", coordinate(size),
                  " 0 1 0 ", coordinate(2 * size), " 0a", coordinate(size), " ", coordinate(size), " 0 1 0 ",
                  coordinate(-2 * size), " 0Z");
    case 1:
      return join("M", coordinate(x - size), " ", coordinate(y - size), "h", coordinate(2 * size), "v",
                  coordinate(2 * size), "h", coordinate(-2 * size), "Z");
    case 2:
      return join("M", coordinate(x), " ", coordinate(y - size * 1.2), "l", coordinate(size * 1.15), " ",
                  coordinate(size * 2.2), "h", coordinate(-size * 2.3), "Z");
    default: {
      const double arm = size * 0.7, part = size * 0.75;
      return join("M", coordinate(x - part - arm / 2), " ", coordinate(y - arm / 2), "h", coordinate(part), "v",
                  coordinate(-part), "h", coordinate(arm), "v", coordinate(part), "h", coordinate(part), "v",
                  coordinate(arm), "h", coordinate(-part), "v", coordinate(part), "h", coordinate(-arm), "v",
                  coordinate(-part), "h", coordinate(-part), "Z");
    }
  }
}

void add_mark(SvgDrawing& drawing, std::size_t index, double x, double y, double size, std::string_view more = {}) {
  drawing.add("<path class=\"dot f", series_class(index), more, "\" d=\"", shape(index, x, y, size), "\"/>");
}

void add_reference_mark(SvgDrawing& drawing, double x, double y) {
  constexpr double size = 6;
  drawing.add("<path class=\"hollow\" d=\"M", coordinate(x - size), " ", coordinate(y), "l", coordinate(size), " ",
              coordinate(-size), "l", coordinate(size), " ", coordinate(size), "l", coordinate(-size), " ",
              coordinate(size), "Z\"/>");
}

/// Returns where the legend ends.
double add_legend(SvgDrawing& drawing, const IntervalPlot& plot, double top) {
  const bool has_reference = !plot.reference.values.empty();
  if (plot.series.size() + (has_reference ? 1 : 0) < 2) return top;
  double x = 2, y = top + line_height / 2;
  for (std::size_t i = 0; i < plot.series.size() + (has_reference ? 1 : 0); ++i) {
    const bool own = i < plot.series.size();
    const std::string name = cut_to_width(own ? plot.series[i].name : plot.reference.name, 44);
    const double width = 20 + columns(name) * character_width + 14;
    if (x > 2 && x + width > plot_width) x = 2, y += line_height;
    if (own)
      add_mark(drawing, i, x + 8, y, mark_size);
    else
      add_reference_mark(drawing, x + 8, y);
    drawing.add_text(x + 19, y + 4.5, name);
    x += width;
  }
  return y + line_height / 2;
}

struct Layout {
  bool beside;                       // names stand left of their rows, not above
  double name_height, marks_height;  // parts of a row, from its top

  double row_height() const { return name_height + marks_height + row_gap; }
};

void add_entry(SvgDrawing& drawing, const IntervalPlot& plot, std::size_t row, std::size_t index, double y,
               const PlotArea& area) {
  const IntervalSeries& series = plot.series[index];
  const Entry one = entry(series, row);
  if (!std::isfinite(one.value)) return;
  drawing.add("<g><title>",
              escape_html(join(plot.rows[row], series.name.empty() ? "" : ", ", series.name, ": ", words(one))),
              "</title>");
  if (!series.parts.empty())
    for (const double part : series.parts[row])
      if (std::isfinite(part)) add_mark(drawing, index, area.x(part), y, 2.2, " part");
  if (one.has_interval) {
    const double low = area.x(one.low), high = area.x(one.high);
    drawing.add("<path class=\"line s", series_class(index), "\" d=\"M", coordinate(low), " ", coordinate(y), "H",
                coordinate(high), "M", coordinate(low), " ", coordinate(y - 3.5), "v7M", coordinate(high), " ",
                coordinate(y - 3.5), "v7\"/>");
  }
  add_mark(drawing, index, area.x(one.value), y, mark_size);
  drawing.add("</g>");
}

void add_row(SvgDrawing& drawing, const IntervalPlot& plot, std::size_t row, const std::string& name,
             const PlotArea& area, const Layout& layout) {
  const double begin = area.top + static_cast<double>(row) * layout.row_height() + row_gap / 2;
  const double marks = begin + layout.name_height, middle = marks + layout.marks_height / 2;
  if (row > 0)
    drawing.add("<path class=\"grid\" d=\"M2 ", coordinate(begin - row_gap / 2), "H", coordinate(area.right()), "\"/>");
  // Upright lines leave out the names.
  const double over = row_gap / 2, upright_top = marks - (layout.beside ? over : 0);
  const std::string upright = join(" ", coordinate(upright_top), "V", coordinate(marks + layout.marks_height + over));
  for (const double tick : area.x_axis.ticks)
    drawing.add("<path class=\"grid\" d=\"M", coordinate(area.x(tick)), upright, "\"/>");
  for (const PlotLevel& level : plot.levels)
    if (std::isfinite(level.y))
      drawing.add("<path class=\"level\" d=\"M", coordinate(area.x(level.y)), upright, "\"/>");
  drawing.add_text(layout.beside ? area.left - 10 : 2, layout.beside ? middle + 4.5 : begin + 13, name,
                   layout.beside ? Anchor::end : Anchor::start);
  if (!plot.reference.values.empty() && std::isfinite(plot.reference.values[row])) {
    drawing.add("<g><title>",
                escape_html(join(plot.rows[row], ", ", plot.reference.name, ": ", words(entry(plot.reference, row)))),
                "</title>");
    add_reference_mark(drawing, area.x(plot.reference.values[row]), middle);
    drawing.add("</g>");
  }
  for (std::size_t i = 0; i < plot.series.size(); ++i)
    add_entry(drawing, plot, row, i, marks + (static_cast<double>(i) + 0.5) * series_height, area);
}

Axis value_axis(const IntervalPlot& plot) {
  PlotRange range;
  const auto include = [&](const IntervalSeries& series) {
    for (const auto* list : {&series.values, &series.lower, &series.upper})
      for (const double value : *list) range.include(value);
    for (const auto& parts : series.parts)
      for (const double part : parts) range.include(part);
  };
  for (const IntervalSeries& series : plot.series) include(series);
  include(plot.reference);
  for (const PlotLevel& level : plot.levels) range.include(level.y);
  range.settle();
  const double low = plot.x_low.value_or(std::min(range.low, plot.x_high.value_or(range.low)));
  const double high = plot.x_high.value_or(std::max(range.high, low));
  return make_axis(low, high, {.widen = !plot.x_low && !plot.x_high});
}

}  // namespace

std::string to_svg(const IntervalPlot& plot) {
  check(!plot.rows.empty() && !plot.series.empty(), "plot", "an interval plot needs rows and series. Got ",
        plot.rows.size(), " and ", plot.series.size(), ".");
  for (const IntervalSeries& series : plot.series) check_series(plot, series);
  if (!plot.reference.values.empty()) check_series(plot, plot.reference);

  std::vector<std::string> names;
  int widest = 0;
  for (const std::string& row : plot.rows) {
    names.push_back(cut_to_width(row, longest_name));
    widest = std::max(widest, columns(names.back()));
  }
  const bool beside = widest <= longest_beside;
  const Layout layout{beside, beside ? 0 : line_height - 3, static_cast<double>(plot.series.size()) * series_height};

  SvgDrawing drawing;
  const double top = add_legend(drawing, plot, add_title(drawing, plot.title)) + (plot.levels.empty() ? 6 : 28);
  PlotArea area{.x_axis = value_axis(plot),
                .y_axis = {},
                .left = beside ? widest * character_width + 12 : 20,
                .top = top,
                .width = 0,
                .height = layout.row_height() * static_cast<double>(plot.rows.size()) + 4};
  area.width = plot_width - area.left - 24;
  for (const PlotLevel& level : plot.levels) {
    if (!std::isfinite(level.y)) continue;
    const double x = area.x(level.y);
    const bool right_half = x > area.left + area.width / 2;
    drawing.add_text(x, area.top - 7, level.label, right_half ? Anchor::end : Anchor::start);
  }
  for (std::size_t row = 0; row < plot.rows.size(); ++row) add_row(drawing, plot, row, names[row], area, layout);
  const double bottom = add_x_axis(drawing, area, plot.x_title);
  return drawing.finish(bottom, plot.title.empty() ? plot.x_title : plot.title,
                        plot.description.empty() ? describe(plot) : plot.description);
}

}  // namespace mien
