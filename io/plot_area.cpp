#include "mien/io/plot_area.h"

#include <algorithm>
#include <cmath>

#include "mien/core/numbers.h"
#include "mien/io/text.h"

namespace mien {

bool PlotRange::shows(double value) const { return std::isfinite(value) && (!logarithmic || value > 0); }

void PlotRange::include(double value) {
  if (shows(value)) low = std::min(low, value), high = std::max(high, value);
}

void PlotRange::settle() {
  if (low > high) low = logarithmic ? 1 : 0, high = 1;
}

double label_room(const Axis& axis) {
  int widest = 1;
  for (const std::string& label : axis.labels) widest = std::max(widest, columns(label));
  return widest * character_width + 12;
}

void add_y_axis(SvgDrawing& drawing, const PlotArea& area, std::string_view title) {
  for (std::size_t i = 0; i < area.y_axis.ticks.size(); ++i) {
    const double y = area.y(area.y_axis.ticks[i]);
    drawing.add("<path class=\"grid\" d=\"M", coordinate(area.left), " ", coordinate(y), "h", coordinate(area.width),
                "\"/>");
    drawing.add_text(area.left - 6, y + 4, area.y_axis.labels[i], Anchor::end);
  }
  drawing.add_text(2, area.top - 15, title);
}

double add_x_axis(SvgDrawing& drawing, const PlotArea& area, std::string_view title) {
  drawing.add("<path class=\"axis\" d=\"M", coordinate(area.left), " ", coordinate(area.bottom()), "h",
              coordinate(area.width));
  for (const double tick : area.x_axis.ticks)
    drawing.add("M", coordinate(area.x(tick)), " ", coordinate(area.bottom()), "v4");
  drawing.add("\"/>");
  for (std::size_t i = 0; i < area.x_axis.ticks.size(); ++i)
    drawing.add_text(area.x(area.x_axis.ticks[i]), area.bottom() + 19, area.x_axis.labels[i], Anchor::middle);
  if (title.empty()) return area.bottom() + 26;
  drawing.add_text(area.left + area.width / 2, area.bottom() + 40, title, Anchor::middle);
  return area.bottom() + 48;
}

void add_level(SvgDrawing& drawing, const PlotArea& area, double value, std::string_view label) {
  const double y = area.y(value);
  if (!std::isfinite(y) || y < area.top - 0.5 || y > area.bottom() + 0.5) return;
  drawing.add("<path class=\"level\" d=\"M", coordinate(area.left), " ", coordinate(y), "h", coordinate(area.width),
              "\"/>");
  drawing.add_text(area.right(), y - 5, label, Anchor::end);
}

double add_title(SvgDrawing& drawing, std::string_view title) {
  if (title.empty()) return 4;
  drawing.add_text(2, 18, title, Anchor::start, "strong");
  return 28;
}

std::string said(double value) { return shortest(static_cast<float>(parse_number(fixed(value, 4)).value())); }

}  // namespace mien
