#include "mien/train/metrics.h"

#include "mien/kernels/error.h"

namespace mien {

Metrics classification_metrics(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& predictions,
                               const std::vector<std::string>& class_names) {
  check(labels.size() == predictions.size() && !labels.empty(), "metrics",
        "there must be one prediction for each label, and at least one. Got ", predictions.size(), " for ",
        labels.size(), ".");
  const std::size_t classes = class_names.size();
  Metrics metrics;
  metrics.count = static_cast<int>(labels.size());
  metrics.confusion.assign(classes, std::vector<int>(classes));
  const auto place = [&](std::int32_t number) {
    check(number >= 0 && static_cast<std::size_t>(number) < classes, "metrics", "class ", number, " is not one of the ",
          classes, " there are.");
    return static_cast<std::size_t>(number);
  };
  for (std::size_t i = 0; i < labels.size(); ++i) ++metrics.confusion[place(labels[i])][place(predictions[i])];
  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0.0; };
  int right = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    ClassMetrics of{class_names[c]};
    int called = 0;
    for (std::size_t other = 0; other < classes; ++other) {
      of.support += metrics.confusion[c][other];
      called += metrics.confusion[other][c];
    }
    const int hits = metrics.confusion[c][c];
    right += hits;
    of.precision = share(hits, called);
    of.recall = share(hits, of.support);
    of.f1 = share(2 * of.precision * of.recall, of.precision + of.recall);
    const auto count = static_cast<double>(classes);
    metrics.macro_precision += of.precision / count;
    metrics.macro_recall += of.recall / count;
    metrics.macro_f1 += of.f1 / count;
    metrics.classes.push_back(of);
  }
  metrics.accuracy = share(right, metrics.count);
  return metrics;
}

}  // namespace mien
