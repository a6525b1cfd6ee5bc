// Plots as SVG text: for a page (inline), a README or a viewer of its own.
//
// The colours are Okabe and Ito's, told apart by colour-blind readers too, and every line has a dash pattern of its
// own. Text and axes take the colour of the page around (currentColor); alone, a plot brings light and dark by itself.
// It fills the width it is given, and says in words what it shows (<title>, <desc>).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mien {

/// A curve. What is not finite (or not positive, on a logarithmic axis) interrupts it.
struct PlotSeries {
  std::string name = {};
  std::vector<double> y = {};
  std::vector<double> x = {};  ///< as many as y; if empty: 1, 2, 3, ... (epochs)
  /// A band behind the curve, for example the spread over seeds: both empty, or as many as y.
  std::vector<double> lower = {}, upper = {};
};

/// A point that deserves a name, such as the best epoch.
struct PlotMarker {
  double x = 0, y = 0;
  std::string label = {};
};

/// Curves over a common axis.
struct LinePlot {
  std::string title = {};
  std::string x_title = {};  ///< with its unit: "epoch", "time (s)"
  std::string y_title = {};
  std::vector<PlotSeries> series = {};
  std::vector<PlotMarker> markers = {};
  bool x_logarithmic = false, y_logarithmic = false;
  std::optional<double> y_low = {}, y_high = {};  ///< limits of the y axis; from the data where not given
  std::string description = {};                   ///< for those who cannot see it; made from the data if empty
};

/// Throws Error where vectors that belong together differ in length.
std::string to_svg(const LinePlot& plot);

/// A confusion matrix: rows are true classes, columns predicted ones. Cells show the count and its share of the row.
struct ConfusionPlot {
  std::string title = {};
  std::vector<std::string> classes = {};
  std::vector<std::vector<std::int64_t>> counts = {};  ///< counts[true class][predicted class]
  std::string row_title = "true class";
  std::string column_title = "predicted class";
  std::string description = {};  ///< as in LinePlot
};

/// Throws Error unless `counts` is square, as large as `classes` and nowhere negative.
std::string to_svg(const ConfusionPlot& plot);

}  // namespace mien
