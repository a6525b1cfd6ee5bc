// How far a classifier's probabilities can be believed: reliability, calibration errors, Brier score, log loss.
#pragma once

#include <cstdint>
#include <vector>

#include "mien/io/plot.h"

namespace mien {

struct Calibration {
  int count = 0;
  double confidence = 0, accuracy = 0;  ///< over all pictures
  std::vector<ReliabilityBin> bins;     ///< of equal width, from 0 to 1; as a ReliabilityPlot takes them
  /// Distance of a bin's accuracy from its confidence: the mean over the pictures, and the most of any bin (Guo et al.,
  /// "On calibration of modern neural networks", 2017, equations 3 and 5).
  double expected_error = 0, maximum_error = 0;
  /// Mean over the pictures of the squared distance of the probabilities from 1 for the true class and 0 for the
  /// others, summed over all classes: from 0 to 2 (Brier, 1950).
  double brier_score = 0;
  /// Mean of -ln of the true class's probability. A probability under 2.2e-16 counts as that, as scikit-learn has it:
  /// one sure and wrong answer costs 36, not infinity.
  double log_loss = 0;
};

/// Holds probabilities, (pictures, classes) in row-major order, against class numbers. The class a picture is taken for
/// is the first with the highest probability. Throws Error where counts differ, there is no picture, a label names no
/// class, a probability is no number from 0 to 1, or those of a picture do not add up to 1 (within a thousandth).
Calibration calibration(const std::vector<float>& probabilities, const std::vector<std::int32_t>& labels,
                        int bin_count = 10);

}  // namespace mien
