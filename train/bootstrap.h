// Intervals by the bootstrap: what the figures would have been on other people like these.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mien/train/statistics.h"

namespace mien {

/// What a bootstrap draws: pictures that come together.
struct SampleUnits {
  bool by_group = false;                   ///< false: no group is known, and each picture counts as one of its own
  std::vector<std::vector<int>> pictures;  ///< numbers of each unit's pictures
  /// "57 people", or "200 pictures (no groups are known: those of one person count as independent)".
  std::string words() const;
};

/// The pictures of each group, groups sorted by name; a picture without one ("") is a unit of its own, and all are
/// where none has one or `groups` is empty. Throws Error unless there is a group for each picture, or none.
SampleUnits sample_units(const std::vector<std::string>& groups, int picture_count);

/// Resample r draws as many units as there are, with replacement, by (seed, r) alone.
struct BootstrapOptions {
  int resamples = 2000;
  double level = 0.95;
  std::uint64_t seed = 1;
};

struct ClassIntervals {
  std::string name;
  Interval precision, recall, f1;
};

/// Percentile intervals of what classification_metrics() gives.
struct MetricIntervals {
  SampleUnits units;
  int resamples = 0;
  /// Resamples without a picture of some class that the whole has pictures of. Its recall and F1 count as 0 there, as
  /// classification_metrics() has it: with many of these, the intervals are too wide.
  int lacking_a_class = 0;
  Interval accuracy, macro_precision, macro_recall, macro_f1;
  std::vector<ClassIntervals> classes;
};

/// Draws people with all their pictures, and measures each time. The pictures of several runs may stand one after
/// another: a person who is in several comes with all of them. Throws Error as classification_metrics() and
/// sample_units() do, and for options that are out of range.
MetricIntervals bootstrap_metrics(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& predictions,
                                  const std::vector<std::string>& groups, const std::vector<std::string>& class_names,
                                  const BootstrapOptions& options = {});

/// How often one of two classifiers is right where the other is not, person by person.
struct PairedAccuracy {
  SampleUnits units;
  double difference = 0;  ///< accuracy of the first less that of the second, over all pictures
  Interval interval;      ///< percentile bootstrap
  double p = 1;           ///< sign_flip_p() of the units' differences
};

/// Both on the same pictures. Throws Error as bootstrap_metrics() does.
PairedAccuracy paired_accuracy(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& first,
                               const std::vector<std::int32_t>& second, const std::vector<std::string>& groups,
                               const BootstrapOptions& options = {});

}  // namespace mien
