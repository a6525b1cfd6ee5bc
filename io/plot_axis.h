// An axis of a plot: which values it spans, where its ticks stand and what they are called.
#pragma once

#include <string>
#include <vector>

namespace mien {

struct Axis {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<double> ticks = {};
  std::vector<std::string> labels = {};  ///< one a tick

  /// Where a value stands: 0 at `low`, 1 at `high`. Not finite for a value that the axis cannot show.
  double position(double value) const;
};

struct AxisOptions {
  bool logarithmic = false;
  bool whole_numbers = false;  ///< ticks only at whole numbers
  bool widen = false;          ///< move the ends out to the next tick
  int most_ticks = 6;
};

/// An axis for values from `low` to `high`, with ticks at 1, 2 or 5 times a power of ten. A span of nothing is widened;
/// on a logarithmic axis both must be positive.
Axis make_axis(double low, double high, const AxisOptions& options);

}  // namespace mien
