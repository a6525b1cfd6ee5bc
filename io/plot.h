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

/// A value of y that curves are compared with, such as the accuracy of guessing.
struct PlotLevel {
  double y = 0;
  std::string label = {};
};

/// Curves over a common axis.
struct LinePlot {
  std::string title = {};
  std::string x_title = {};  ///< with its unit: "epoch", "time (s)"
  std::string y_title = {};
  std::vector<PlotSeries> series = {};
  std::vector<PlotMarker> markers = {};
  std::vector<PlotLevel> levels = {};
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

/// Values with intervals, one a row: accuracy of each variant with its standard deviation.
struct IntervalSeries {
  std::string name = {};
  std::vector<double> values = {};             ///< one a row; NaN where there is none
  std::vector<double> lower = {}, upper = {};  ///< the intervals' ends: both empty, or one a row
  /// What each value is the mean of, drawn faint: one list a row, or empty.
  std::vector<std::vector<double>> parts = {};
};

/// Rows one below the other, a mark with its interval for each series. A reference, such as a figure found elsewhere,
/// has a hollow mark and no interval; levels are lines across all rows.
struct IntervalPlot {
  std::string title = {};
  std::string x_title = {};  ///< with its unit: "test accuracy (%)"
  std::vector<std::string> rows = {};
  std::vector<IntervalSeries> series = {};
  IntervalSeries reference = {};                  ///< none if it has no values
  std::vector<PlotLevel> levels = {};             ///< values of x here
  std::optional<double> x_low = {}, x_high = {};  ///< as in LinePlot
  std::string description = {};
};

/// Throws Error where there is no row, or a series has not as many values as there are rows.
std::string to_svg(const IntervalPlot& plot);

/// The answers whose confidence, the probability of the class that is named, lies in (low, high].
struct ReliabilityBin {
  double low = 0, high = 0;  ///< the first bin holds 0 as well
  std::int64_t count = 0;    ///< answers
  double confidence = 0;     ///< their mean; 0 where there is none
  double accuracy = 0;       ///< the share of them that is right; 0 where there is none
};

/// Whether a classifier is right as often as it is sure to be: accuracy against confidence, and how many answers have
/// which confidence.
struct ReliabilityPlot {
  std::string title = {};
  std::vector<ReliabilityBin> bins = {};
  std::string description = {};
};

/// Throws Error where all bins are empty, or one lies outside 0 … 1.
std::string to_svg(const ReliabilityPlot& plot);

}  // namespace mien
