// Dividing a data set into training, validation and test sides.
#pragma once

#include <cstdint>

#include "mien/data/dataset.h"

namespace mien {

struct SplitOptions {
  /// Shares of each class. What train and validation leave goes to the test side.
  double train = 0.6, validation = 0.2;
  /// Or pictures of each class for the three sides; all 0: the shares count. What they leave stays out, by picture, or
  /// goes to the side it fits best, by group.
  int train_count = 0, validation_count = 0, test_count = 0;
  /// No group (no person) on two sides. Then the sides come as close to the wanted counts as whole groups allow.
  bool by_group = false;
  std::uint64_t seed = 1;
};

struct Split {
  Dataset train, validation, test;
};

/// Divides so that each class is shared out as asked. The same seed gives the same sides; within a side, pictures keep
/// the order of the data set.
///
/// By group: the groups are taken from the largest down (in random order among equals), each to the side whose class
/// counts it brings closest to what is wanted (least sum of squared differences).
///
/// Throws Error where shares or counts are out of range, a class has fewer pictures than the sides ask for, a side that
/// is asked for would hold no picture of some class, or groups are asked for and there are none.
Split split(const Dataset& data, const SplitOptions& options = {});

}  // namespace mien
