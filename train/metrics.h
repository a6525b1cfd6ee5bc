// How good a classifier is: confusion matrix, accuracy, precision, recall, F1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mien {

struct ClassMetrics {
  std::string name;
  int support = 0;       ///< pictures of this class
  double precision = 0;  ///< of those called this class, the share that is; 0 where none was called so
  double recall = 0;     ///< of this class, the share called so; 0 where there is none
  double f1 = 0;         ///< harmonic mean of the two; 0 where both are 0
};

struct Metrics {
  int count = 0;
  double accuracy = 0;
  double macro_precision = 0, macro_recall = 0, macro_f1 = 0;  ///< plain means over the classes
  /// Over all answers at once: one hit, and one miss of either kind, counts the same whatever its class. Each picture
  /// has one class and one answer here, so that all three are the accuracy.
  double micro_precision = 0, micro_recall = 0, micro_f1 = 0;
  double weighted_precision = 0, weighted_recall = 0, weighted_f1 = 0;  ///< means over the pictures' own classes
  double balanced_accuracy = 0;  ///< mean recall of the classes that have a picture
  std::vector<ClassMetrics> classes;
  std::vector<std::vector<int>> confusion;  ///< [true class][predicted class]
};

/// Compares predictions with labels, both class numbers. Throws Error where the counts differ, there are none, or a
/// number names no class.
Metrics classification_metrics(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& predictions,
                               const std::vector<std::string>& class_names);

/// The same from a confusion matrix, [true class][predicted class]. Throws Error where it is not square, not of these
/// classes, holds a count below 0 or no picture at all.
Metrics confusion_metrics(std::vector<std::vector<int>> confusion, const std::vector<std::string>& class_names);

}  // namespace mien
