#include "mien/io/plot_axis.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mien/core/numbers.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

// The smallest of 1, 2 and 5 times a power of ten that is at least `least`.
double nice_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

// A number of one or two digits times a power of ten: 10⁻⁴, 2×10⁹.
std::string power_label(double value) {
  constexpr const char* digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  if (value == 0) return "0";
  int power = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
  const std::string factor = shortest(static_cast<float>(value / std::pow(10.0, power)));
  std::string text = factor == "1" ? "10" : factor == "-1" ? "-10" : factor + "×10";
  if (power < 0) text += "⁻", power = -power;
  for (const char digit : std::to_string(power)) text += digits[digit - '0'];
  return text;
}

std::string linear_label(double value, double step) {
  const double size = std::max(std::abs(value), step);
  if (size >= 1e9 || step < 1e-4) return power_label(std::abs(value) < step / 2 ? 0 : value);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return decimals == 0 ? grouped(std::llround(value)) : fixed(value, decimals);
}

std::string logarithmic_label(double value) {
  if (value < 0.9e-3 || value > 1.1e5) return power_label(value);
  return value < 1 ? shortest(static_cast<float>(value)) : grouped(std::llround(value));
}

void add_linear_ticks(Axis& axis, const AxisOptions& options) {
  double step = nice_step((axis.high - axis.low) / options.most_ticks);
  if (options.whole_numbers) step = std::max(step, 1.0);
  // Ends that miss a tick by a rounding error count as standing on it.
  const double first = axis.low / step, last = axis.high / step;
  const double from = options.widen ? std::floor(first + 1e-6) : std::ceil(first - 1e-6);
  const double to = options.widen ? std::ceil(last - 1e-6) : std::floor(last + 1e-6);
  for (double k = from; k <= to && axis.ticks.size() < 100; ++k) {
    axis.ticks.push_back(k * step);
    axis.labels.push_back(linear_label(k * step, step));
  }
  if (options.widen) axis.low = from * step, axis.high = to * step;
}

// Whole powers of ten, thinned out where there are many; between few of them also 2 and 5 times each.
void add_logarithmic_ticks(Axis& axis, const AxisOptions& options) {
  const int from = static_cast<int>(std::floor(std::log10(axis.low) + 1e-9));
  const int to = static_cast<int>(std::ceil(std::log10(axis.high) - 1e-9));
  if (options.widen && to - from >= 2) axis.low = std::pow(10.0, from), axis.high = std::pow(10.0, to);
  const int stride = (to - from) / options.most_ticks + 1;
  const auto add = [&](double value) {
    if (value < axis.low * (1 - 1e-9) || value > axis.high * (1 + 1e-9)) return;
    axis.ticks.push_back(value);
    axis.labels.push_back(logarithmic_label(value));
  };
  for (int power = from; power <= to; power += stride)
    for (const int factor : {1, 2, 5})
      if (factor == 1 || to - from <= 2) add(factor * std::pow(10.0, power));
}

}  // namespace

double Axis::position(double value) const {
  if (!logarithmic) return (value - low) / (high - low);
  if (!(value > 0)) return std::numeric_limits<double>::quiet_NaN();
  return std::log(value / low) / std::log(high / low);
}

Axis make_axis(double low, double high, const AxisOptions& options) {
  check(std::isfinite(low) && std::isfinite(high) && low <= high, "plot",
        "an axis spans finite values, the lower first. Got ", low, " to ", high, ".");
  check(!options.logarithmic || low > 0, "plot", "a logarithmic axis needs positive values. Got ", low, ".");
  Axis axis{.low = low, .high = high, .logarithmic = options.logarithmic};
  // Less than this cannot be told apart in a double, nor more be subtracted.
  const double size = std::max(std::abs(low), std::abs(high));
  check(size < 1e300, "plot", "values beyond 1e300 cannot be plotted. Got ", low, " to ", high, ".");
  if (high - low <= 1e-9 * size || size < 1e-300) {
    const double margin = size < 1e-300 ? 1 : size / 2;
    axis.low = options.logarithmic ? low / 2 : low - margin;
    axis.high = options.logarithmic ? high * 2 : high + margin;
  }
  if (options.logarithmic) add_logarithmic_ticks(axis, options);
  // A logarithmic axis over less than a power of ten may hold no such tick.
  if (axis.ticks.size() < 2) {
    axis.ticks.clear(), axis.labels.clear();
    add_linear_ticks(axis, {.whole_numbers = options.whole_numbers,
                            .widen = options.widen && !options.logarithmic,
                            .most_ticks = options.most_ticks});
  }
  return axis;
}

}  // namespace mien
