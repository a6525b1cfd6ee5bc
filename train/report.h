// The report of one training: a single HTML file that needs no network, in light and dark, for desk and phone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mien/data/split.h"
#include "mien/io/document.h"
#include "mien/layers/summary.h"
#include "mien/train/fit.h"
#include "mien/train/metrics.h"

namespace mien {

struct ReportData {
  std::string title = "Training report";
  std::string note = "";  ///< what the caller wants said first: where the pictures come from
  /// Data, machine, version, seed, date, settings: name and value, in this order.
  std::vector<std::pair<std::string, std::string>> facts = {};
  Split sides = {};
  Summary summary = {};
  History history = {};
  Evaluation test = {};
  Metrics metrics = {};
};

/// What the numbers say, in sentences: how often the network is right beside the share of guessing, how sure that
/// figure is, whether people stand on both sides, how far training and test are apart. Nothing that they do not show.
std::vector<std::string> findings(const ReportData& data);

/// The report as a document: findings, learning curves, confusion matrix, figures of each class, sample pictures, the
/// pictures that were taken for something else, the network's summary, the sides, the facts.
Document report_document(const ReportData& data);

/// That document as a page.
std::string to_html(const ReportData& data);

/// Wilson's interval of 95 % for a share of `right` in `count` (independent draws): lower and upper bound.
std::pair<double, double> wilson_interval(int right, int count);

}  // namespace mien
