#include "mien/train/statistics.h"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "mien/kernels/error.h"

namespace mien {

namespace {

void check_finite(const char* where, const std::vector<double>& values) {
  for (const double value : values) check(std::isfinite(value), where, "every value must be finite. Got ", value, ".");
}

void check_level(const char* where, double level) {
  check(level > 0 && level < 1, where, "the level of an interval lies between 0 and 1. Got ", level, ".");
}

/// Student's distribution: how likely |t| or more is. The incomplete beta function gives both this and its inverse.
double two_sided_p(double t, int degrees) {
  return boost::math::ibeta(degrees / 2.0, 0.5, degrees / (degrees + t * t));
}

/// The t that is passed, to either side, with probability 1 - level.
double critical_t(double level, int degrees) {
  const double x = boost::math::ibeta_inv(degrees / 2.0, 0.5, 1 - level);
  return std::sqrt(degrees * (1 - x) / x);
}

Interval interval_of_mean(double middle, double deviation, std::size_t count, double level) {
  const double reach =
      deviation > 0 ? critical_t(level, static_cast<int>(count) - 1) * deviation / std::sqrt(static_cast<double>(count))
                    : 0;
  return {middle - reach, middle + reach};
}

}  // namespace

double mean(const std::vector<double>& values) {
  check(!values.empty(), "mean", "there must be a value.");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(const std::vector<double>& values) {
  check(values.size() >= 2, "standard_deviation", "there must be two values or more. Got ", values.size(), ".");
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - middle) * (value - middle);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double quantile(std::vector<double> values, double share) {
  check(!values.empty(), "quantile", "there must be a value.");
  check(share >= 0 && share <= 1, "quantile", "the share lies between 0 and 1. Got ", share, ".");
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

Estimate estimate_mean(const std::vector<double>& values, double level) {
  check_finite("estimate_mean", values);
  check_level("estimate_mean", level);
  Estimate estimate{static_cast<int>(values.size()), mean(values)};
  if (values.size() >= 2) {
    estimate.deviation = standard_deviation(values);
    estimate.interval = interval_of_mean(estimate.mean, *estimate.deviation, values.size(), level);
  }
  return estimate;
}

PairedTTest paired_t_test(const std::vector<double>& first, const std::vector<double>& second, double level) {
  const char* const where = "paired_t_test";
  check(first.size() == second.size() && first.size() >= 2, where,
        "there must be as many values of one as of the other, and two or more. Got ", first.size(), " and ",
        second.size(), ".");
  check_finite(where, first);
  check_finite(where, second);
  check_level(where, level);
  std::vector<double> differences;
  double largest = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    differences.push_back(first[i] - second[i]);
    largest = std::max({largest, std::abs(first[i]), std::abs(second[i])});
  }
  PairedTTest test;
  test.pairs = static_cast<int>(first.size());
  test.degrees = test.pairs - 1;
  test.difference = mean(differences);
  double deviation = standard_deviation(differences);
  // 0.8 - 0.75 and 0.7 - 0.65 are the same number but for rounding, which must not pass for a deviation.
  const double rounding = 4 * std::numeric_limits<double>::epsilon() * largest;
  if (deviation <= rounding) deviation = 0;
  if (deviation > 0) {
    test.t = test.difference / (deviation / std::sqrt(static_cast<double>(test.pairs)));
    test.p = two_sided_p(test.t, test.degrees);
  } else if (std::abs(test.difference) > rounding) {
    test.t = std::copysign(std::numeric_limits<double>::infinity(), test.difference);
    test.p = 0;
  }
  test.interval = interval_of_mean(test.difference, deviation, first.size(), level);
  return test;
}

McNemarTest mcnemar_test(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& first,
                         const std::vector<std::int32_t>& second) {
  check(labels.size() == first.size() && labels.size() == second.size(), "mcnemar_test",
        "there must be one prediction of each for each label. Got ", first.size(), " and ", second.size(), " for ",
        labels.size(), ".");
  McNemarTest test;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    test.only_first += first[i] == labels[i] && second[i] != labels[i];
    test.only_second += first[i] != labels[i] && second[i] == labels[i];
  }
  const int fewer = std::min(test.only_first, test.only_second), more = std::max(test.only_first, test.only_second);
  // P(at most `fewer` of both, each with probability 1/2) = I(more, fewer + 1) at 1/2.
  if (more > fewer) test.p = std::min(1.0, 2 * boost::math::ibeta(more, fewer + 1.0, 0.5));
  return test;
}

double sign_flip_p(const std::vector<int>& differences) {
  std::int64_t all = 0, sum = 0;
  for (const int difference : differences) {
    sum += difference;
    all += std::abs(static_cast<std::int64_t>(difference));
  }
  if (sum == 0) return 1;
  // likely[x]: that the differences whose sign is negative have sizes that add up to x. The sum is then all - 2 x.
  std::vector<double> likely(static_cast<std::size_t>(all) + 1);
  likely[0] = 1;
  std::size_t reached = 0;
  for (const int difference : differences) {
    const auto size = static_cast<std::size_t>(std::abs(static_cast<std::int64_t>(difference)));
    if (size == 0) continue;
    reached += size;
    for (std::size_t x = reached + 1; x-- > 0;) likely[x] = (likely[x] + (x >= size ? likely[x - size] : 0.0)) / 2;
  }
  // Both tails, which mirror each other: all - 2 x >= |sum|.
  double tail = 0;
  for (std::int64_t x = 0; all - 2 * x >= std::abs(sum); ++x) tail += likely[static_cast<std::size_t>(x)];
  return std::min(1.0, 2 * tail);
}

std::vector<double> holm_adjusted(const std::vector<double>& p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (const double p : p_values)
    check(p >= 0 && p <= 1, "holm_adjusted", "a p value lies between 0 and 1. Got ", p, ".");
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double least = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    least = std::max(least, std::min(1.0, static_cast<double>(order.size() - rank) * p_values[order[rank]]));
    adjusted[order[rank]] = least;
  }
  return adjusted;
}

}  // namespace mien
