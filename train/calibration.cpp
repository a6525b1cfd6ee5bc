#include "mien/train/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mien/kernels/error.h"

namespace mien {

namespace {

const char* const where = "calibration";

/// The bin of a confidence: the first whose upper edge it does not pass.
std::size_t bin_of(double confidence, const std::vector<ReliabilityBin>& bins) {
  std::size_t bin = 0;
  while (bin + 1 < bins.size() && confidence > bins[bin].high) ++bin;
  return bin;
}

}  // namespace

Calibration calibration(const std::vector<float>& probabilities, const std::vector<std::int32_t>& labels,
                        int bin_count) {
  check(bin_count >= 1, where, "there must be at least one bin. Got ", bin_count, ".");
  check(!labels.empty() && !probabilities.empty() && probabilities.size() % labels.size() == 0, where,
        "there must be one row of probabilities for each label, and at least one. Got ", probabilities.size(),
        " probabilities for ", labels.size(), " labels.");
  const std::size_t classes = probabilities.size() / labels.size();
  Calibration result;
  result.count = static_cast<int>(labels.size());
  for (int bin = 0; bin < bin_count; ++bin)
    result.bins.push_back({bin / static_cast<double>(bin_count), (bin + 1) / static_cast<double>(bin_count)});
  for (std::size_t i = 0; i < labels.size(); ++i) {
    check(labels[i] >= 0 && static_cast<std::size_t>(labels[i]) < classes, where, "class ", labels[i],
          " is not one of the ", classes, " there are.");
    const float* row = probabilities.data() + i * classes;
    const auto truth = static_cast<std::size_t>(labels[i]);
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      const double probability = row[c];
      check(probability >= 0 && probability <= 1, where, "a probability is a number from 0 to 1. Got ", probability,
            " for class ", c, " of picture ", i, ".");
      const double distance = probability - (c == truth ? 1 : 0);
      result.brier_score += distance * distance;
      sum += probability;
    }
    check(std::abs(sum - 1) <= 1e-3, where, "the probabilities of a picture add up to 1. Got ", sum, " for picture ", i,
          ".");
    result.log_loss -= std::log(std::max<double>(row[truth], std::numeric_limits<double>::epsilon()));
    const float* best = std::max_element(row, row + classes);
    ReliabilityBin& bin = result.bins[bin_of(*best, result.bins)];
    ++bin.count;
    bin.confidence += *best;
    bin.accuracy += best == row + truth;
  }
  const double count = result.count;
  result.brier_score /= count;
  result.log_loss /= count;
  for (ReliabilityBin& bin : result.bins) {
    if (bin.count == 0) continue;
    result.confidence += bin.confidence / count;
    result.accuracy += bin.accuracy / count;
    bin.confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
    const double error = std::abs(bin.accuracy - bin.confidence);
    result.expected_error += static_cast<double>(bin.count) / count * error;
    result.maximum_error = std::max(result.maximum_error, error);
  }
  return result;
}

}  // namespace mien
