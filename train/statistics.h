// What a handful of numbers can bear: mean, deviation, intervals, paired tests, correction for several tests.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace mien {

struct Interval {
  double low = 0, high = 0;
};

/// Throws Error for no value.
double mean(const std::vector<double>& values);

/// With n - 1 below: of the runs that these are a sample of. Throws Error for fewer than two values.
double standard_deviation(const std::vector<double>& values);

/// What `share` (0 to 1) of the values lie below, interpolated between neighbours (Hyndman and Fan's type 7, numpy's
/// default). Throws Error for no value, or a share out of range.
double quantile(std::vector<double> values, double share);

/// A mean and how well it is known.
struct Estimate {
  int count = 0;
  double mean = 0;
  /// Standard deviation, and Student's interval of the mean; none from a single value.
  std::optional<double> deviation = {};
  std::optional<Interval> interval = {};
};

/// Throws Error for no value, or one that is not finite.
Estimate estimate_mean(const std::vector<double>& values, double level = 0.95);

/// Student's test of whether the mean of the differences first[i] - second[i] is 0.
struct PairedTTest {
  int pairs = 0;
  double difference = 0;  ///< mean of first[i] - second[i]
  double t = 0;           ///< infinite where all differences are the same and not 0; 0 where all are 0
  int degrees = 0;        ///< of freedom: pairs - 1
  double p = 1;           ///< two-sided
  Interval interval;      ///< of the difference
};

/// Throws Error where counts differ, there are fewer than two pairs, or a value is not finite.
PairedTTest paired_t_test(const std::vector<double>& first, const std::vector<double>& second, double level = 0.95);

/// McNemar's exact test of whether two classifiers are right equally often on the same, independent pictures: of the
/// pictures that only one of them gets right, is it each of them for half?
struct McNemarTest {
  int only_first = 0, only_second = 0;  ///< pictures that this one alone gets right
  double p = 1;                         ///< two-sided, from the binomial distribution; 1 where they never differ
};

/// Throws Error where counts differ.
McNemarTest mcnemar_test(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& first,
                         const std::vector<std::int32_t>& second);

/// The exact two-sided p of a paired permutation test: in how many of the 2^n ways of giving the n differences their
/// signs is the sum as far from 0 as it is, or farther? Counted sum by sum, not way by way (n times the sum of the
/// sizes steps), so that it is exact for any n. No differences: 1.
double sign_flip_p(const std::vector<int>& differences);

/// Holm's correction ("A simple sequentially rejective multiple test procedure", 1979): p values that may each be held
/// against one level although several were looked at, in the same order. Throws Error for what lies outside 0 … 1.
std::vector<double> holm_adjusted(const std::vector<double>& p_values);

}  // namespace mien
