#include "mien/train/bootstrap.h"

#include <map>

#include "mien/core/numbers.h"
#include "mien/core/random.h"
#include "mien/kernels/error.h"
#include "mien/train/metrics.h"

namespace mien {

namespace {

void check_options(const char* where, const BootstrapOptions& options) {
  check(options.resamples >= 1, where, "there must be at least one resample. Got ", options.resamples, ".");
  check(options.level > 0 && options.level < 1, where, "the level of an interval lies between 0 and 1. Got ",
        options.level, ".");
}

/// How often each unit stands in resample `number`.
std::vector<int> times_drawn(std::size_t unit_count, int number, std::uint64_t seed) {
  Random random(seed, Purpose::bootstrap, static_cast<std::uint64_t>(number));
  std::vector<int> times(unit_count);
  for (std::size_t draw = 0; draw < unit_count; ++draw) ++times[random.below(static_cast<std::uint32_t>(unit_count))];
  return times;
}

/// What lies in the middle of the values but for (1 - level) / 2 at either end.
Interval percentile_interval(const std::vector<double>& values, double level) {
  return {quantile(values, (1 - level) / 2), quantile(values, (1 + level) / 2)};
}

/// One pair of classes in the confusion matrices of a unit's pictures.
struct Cell {
  std::size_t truth, predicted;
};

/// The values of one figure in all resamples, for each figure that there is.
struct Values {
  std::vector<double> accuracy, macro_precision, macro_recall, macro_f1;
  std::vector<std::vector<double>> precision, recall, f1;  ///< [class]
  explicit Values(std::size_t classes) : precision(classes), recall(classes), f1(classes) {}

  void add(const Metrics& metrics) {
    accuracy.push_back(metrics.accuracy);
    macro_precision.push_back(metrics.macro_precision);
    macro_recall.push_back(metrics.macro_recall);
    macro_f1.push_back(metrics.macro_f1);
    for (std::size_t c = 0; c < metrics.classes.size(); ++c) {
      precision[c].push_back(metrics.classes[c].precision);
      recall[c].push_back(metrics.classes[c].recall);
      f1[c].push_back(metrics.classes[c].f1);
    }
  }
};

}  // namespace

std::string SampleUnits::words() const {
  const std::string count = grouped(static_cast<std::int64_t>(pictures.size()));
  if (by_group) return count + (pictures.size() == 1 ? " person" : " people");
  return count + (pictures.size() == 1 ? " picture" : " pictures") +
         " (no groups are known: pictures of one person count as independent)";
}

SampleUnits sample_units(const std::vector<std::string>& groups, int picture_count) {
  check(groups.empty() || groups.size() == static_cast<std::size_t>(picture_count), "sample_units",
        "there must be one group for each picture, or none at all. Got ", groups.size(), " for ", picture_count, ".");
  std::map<std::string, std::vector<int>> named;
  std::vector<std::vector<int>> alone;
  for (int picture = 0; picture < picture_count; ++picture) {
    if (groups.empty() || groups[static_cast<std::size_t>(picture)].empty())
      alone.push_back({picture});
    else
      named[groups[static_cast<std::size_t>(picture)]].push_back(picture);
  }
  SampleUnits units;
  units.by_group = !named.empty();
  for (auto& [name, pictures] : named) units.pictures.push_back(std::move(pictures));
  units.pictures.insert(units.pictures.end(), alone.begin(), alone.end());
  return units;
}

MetricIntervals bootstrap_metrics(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& predictions,
                                  const std::vector<std::string>& groups, const std::vector<std::string>& class_names,
                                  const BootstrapOptions& options) {
  check_options("bootstrap_metrics", options);
  const Metrics whole = classification_metrics(labels, predictions, class_names);
  const std::size_t classes = class_names.size();
  MetricIntervals result;
  result.units = sample_units(groups, whole.count);
  result.resamples = options.resamples;

  std::vector<std::vector<Cell>> cells;
  for (const std::vector<int>& pictures : result.units.pictures) {
    cells.emplace_back();
    for (const int picture : pictures) {
      const auto i = static_cast<std::size_t>(picture);
      cells.back().push_back({static_cast<std::size_t>(labels[i]), static_cast<std::size_t>(predictions[i])});
    }
  }
  Values values(classes);
  for (int number = 0; number < options.resamples; ++number) {
    const std::vector<int> times = times_drawn(cells.size(), number, options.seed);
    std::vector<std::vector<int>> confusion(classes, std::vector<int>(classes));
    for (std::size_t unit = 0; unit < cells.size(); ++unit)
      if (times[unit] > 0)
        for (const Cell& cell : cells[unit]) confusion[cell.truth][cell.predicted] += times[unit];
    const Metrics drawn = confusion_metrics(std::move(confusion), class_names);
    values.add(drawn);
    bool lacking = false;
    for (std::size_t c = 0; c < classes; ++c)
      lacking = lacking || (whole.classes[c].support > 0 && drawn.classes[c].support == 0);
    result.lacking_a_class += lacking;
  }

  result.accuracy = percentile_interval(values.accuracy, options.level);
  result.macro_precision = percentile_interval(values.macro_precision, options.level);
  result.macro_recall = percentile_interval(values.macro_recall, options.level);
  result.macro_f1 = percentile_interval(values.macro_f1, options.level);
  for (std::size_t c = 0; c < classes; ++c)
    result.classes.push_back({class_names[c], percentile_interval(values.precision[c], options.level),
                              percentile_interval(values.recall[c], options.level),
                              percentile_interval(values.f1[c], options.level)});
  return result;
}

PairedAccuracy paired_accuracy(const std::vector<std::int32_t>& labels, const std::vector<std::int32_t>& first,
                               const std::vector<std::int32_t>& second, const std::vector<std::string>& groups,
                               const BootstrapOptions& options) {
  const char* const where = "paired_accuracy";
  check_options(where, options);
  check(!labels.empty() && labels.size() == first.size() && labels.size() == second.size(), where,
        "there must be one prediction of each for each label, and at least one. Got ", first.size(), " and ",
        second.size(), " for ", labels.size(), ".");
  PairedAccuracy result;
  result.units = sample_units(groups, static_cast<int>(labels.size()));
  std::vector<int> differences;
  int sum = 0;
  for (const std::vector<int>& pictures : result.units.pictures) {
    differences.push_back(0);
    for (const int picture : pictures) {
      const auto i = static_cast<std::size_t>(picture);
      differences.back() += (first[i] == labels[i]) - (second[i] == labels[i]);
    }
    sum += differences.back();
  }
  result.difference = sum / static_cast<double>(labels.size());
  result.p = sign_flip_p(differences);

  std::vector<double> drawn;
  for (int number = 0; number < options.resamples; ++number) {
    const std::vector<int> times = times_drawn(differences.size(), number, options.seed);
    std::int64_t gained = 0, pictures = 0;
    for (std::size_t unit = 0; unit < times.size(); ++unit) {
      gained += static_cast<std::int64_t>(times[unit]) * differences[unit];
      pictures +=
          static_cast<std::int64_t>(times[unit]) * static_cast<std::int64_t>(result.units.pictures[unit].size());
    }
    drawn.push_back(static_cast<double>(gained) / static_cast<double>(pictures));
  }
  result.interval = percentile_interval(drawn, options.level);
  return result;
}

}  // namespace mien
