// The part of a plot between its axes, and what the plots draw round it. Used by the plots, not by their readers.
#pragma once

#include <limits>
#include <string_view>

#include "mien/io/plot_axis.h"
#include "mien/io/svg.h"

namespace mien {

/// The values that an axis must show.
struct PlotRange {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool logarithmic = false;

  bool shows(double value) const;
  void include(double value);  ///< leaves out what the axis cannot show
  void settle();               ///< gives a range to an axis that has nothing to show
};

/// A rectangle with an axis along its lower and its left edge; SVG units from the picture's upper left corner.
struct PlotArea {
  Axis x_axis, y_axis;
  double left, top, width, height;

  double x(double value) const { return left + x_axis.position(value) * width; }
  double y(double value) const { return top + (1 - y_axis.position(value)) * height; }
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

/// Room for the labels of an axis on the left.
double label_room(const Axis& axis);

/// Lines across the area at the ticks of its y axis, their labels, and the axis title above the area.
void add_y_axis(SvgDrawing& drawing, const PlotArea& area, std::string_view title);

/// The lower edge with its ticks, their labels, and the axis title below. Returns where they end.
double add_x_axis(SvgDrawing& drawing, const PlotArea& area, std::string_view title);

/// A dashed line across the area at a value of y, named above its right end.
void add_level(SvgDrawing& drawing, const PlotArea& area, double value, std::string_view label);

/// The plot's title, if it has one. Returns where it ends.
double add_title(SvgDrawing& drawing, std::string_view title);

/// A number for a description, to four decimals at most.
std::string said(double value);

}  // namespace mien
