#include "report_2021.h"

namespace mien::expressions::study {

const std::vector<ReportedRow>& reported_rows(int section) {
  // Section 3: which loss belongs to which network is not on record; the lowest is given to the best network, the next
  // to attempt 3, and so on. The table's note says so.
  static const std::vector<ReportedRow> none, overfit = {{"attempt_1", "0.0028", 1},
                                                         {"attempt_2", "0.0017", 1},
                                                         {"attempt_3", "9.2153e-04", 1},
                                                         {"best", "2.7045e-07", 1}};
  static const std::vector<ReportedRow> split = {
      {"attempt_1", "", 0.635}, {"attempt_2", "", 0.755}, {"attempt_3", "", 0.76}, {"best", "", 0.955}};
  static const std::vector<ReportedRow> augmentation = {{"augment_smallest", "0.0044", 1},
                                                        {"augment_smaller", "0.0111", 1},
                                                        {"augment_small", "0.0037", 1},
                                                        {"augment_small_plain", "0.0019", 1}};
  static const std::vector<ReportedRow> regularisation = {{"l2", "0.0167", 0.995},
                                                          {"dropout", "0.0325", 0.99},
                                                          {"batch_norm", "0.0119", 0.995},
                                                          {"all_three", "0.0608", 0.98}};
  static const std::vector<ReportedRow> pretrained = {{"inception_v3", "0.26", 0.905}, {"densenet121", "0.06", 0.98},
                                                      {"vgg16", "0.03", 0.995},        {"mobilenet_v2", "0.09", 0.965},
                                                      {"xception", "0.11", 0.965},     {"resnet50", "1.48", 0.405}};
  switch (section) {
    case 3:
      return overfit;
    case 4:
      return split;
    case 5:
      return augmentation;
    case 6:
      return regularisation;
    case 7:
      return pretrained;
    default:
      return none;
  }
}

std::optional<ReportedRow> reported_test(const std::string& variant) {
  for (const int section : {4, 5, 6, 7})
    if (const auto row = reported(section, variant)) return row;
  return {};
}

std::optional<ReportedRow> reported(int section, const std::string& variant) {
  for (const ReportedRow& row : reported_rows(section))
    if (row.variant == variant) return row;
  return {};
}

}  // namespace mien::expressions::study
