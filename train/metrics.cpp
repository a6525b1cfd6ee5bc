#include "mien/train/metrics.h"

#include "mien/kernels/error.h"

namespace mien {

namespace {

/// 0 where there is nothing to have a share of.
double share(double part, double whole) { return whole > 0 ? part / whole : 0.0; }

double harmonic_mean(double a, double b) { return share(2 * a * b, a + b); }

}  // namespace

Metrics classification_metrics(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& predictions,
                               const std::vector<std::string>& class_names) {
  check(labels.size() == predictions.size() && !labels.empty(), "metrics",
        "there must be one prediction for each label, and at least one. Got ", predictions.size(), " for ",
        labels.size(), ".");
  const std::size_t classes = class_names.size();
  std::vector<std::vector<int>> confusion(classes, std::vector<int>(classes));
  const auto place = [&](std::int32_t number) {
    check(number >= 0 && static_cast<std::size_t>(number) < classes, "metrics", "class ", number, " is not one of the ",
          classes, " there are.");
    return static_cast<std::size_t>(number);
  };
  for (std::size_t i = 0; i < labels.size(); ++i) ++confusion[place(labels[i])][place(predictions[i])];
  return confusion_metrics(std::move(confusion), class_names);
}

Metrics confusion_metrics(std::vector<std::vector<int>> confusion, const std::vector<std::string>& class_names) {
  const std::size_t classes = class_names.size();
  check(confusion.size() == classes, "metrics", "a confusion matrix has one row for each class. Got ", confusion.size(),
        " rows for ", classes, " classes.");
  Metrics metrics;
  std::vector<int> called(classes);
  int right = 0, present = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    check(confusion[c].size() == classes, "metrics", "a confusion matrix is square. Got ", confusion[c].size(),
          " columns for ", classes, " classes.");
    ClassMetrics of{class_names[c]};
    for (std::size_t other = 0; other < classes; ++other) {
      check(confusion[c][other] >= 0, "metrics", "a confusion matrix holds counts. Got ", confusion[c][other], ".");
      of.support += confusion[c][other];
      called[other] += confusion[c][other];
    }
    metrics.count += of.support;
    right += confusion[c][c];
    present += of.support > 0;
    metrics.classes.push_back(of);
  }
  check(metrics.count > 0, "metrics", "there must be at least one picture.");
  for (std::size_t c = 0; c < classes; ++c) {
    ClassMetrics& of = metrics.classes[c];
    of.precision = share(confusion[c][c], called[c]);
    of.recall = share(confusion[c][c], of.support);
    of.f1 = harmonic_mean(of.precision, of.recall);
    const auto count = static_cast<double>(classes);
    metrics.macro_precision += of.precision / count;
    metrics.macro_recall += of.recall / count;
    metrics.macro_f1 += of.f1 / count;
    const double weight = share(of.support, metrics.count);
    metrics.weighted_precision += weight * of.precision;
    metrics.weighted_recall += weight * of.recall;
    metrics.weighted_f1 += weight * of.f1;
    if (of.support > 0) metrics.balanced_accuracy += of.recall / present;
  }
  metrics.accuracy = share(right, metrics.count);
  metrics.micro_precision = metrics.micro_recall = metrics.micro_f1 = metrics.accuracy;
  metrics.confusion = std::move(confusion);
  return metrics;
}

}  // namespace mien
