#include "report_models.h"

#include <utility>

#include "mien/core/numbers.h"
#include "mien/io/plot.h"
#include "mien/train/bootstrap.h"
#include "mien/train/calibration.h"
#include "mien/train/metrics.h"
#include "report_figures.h"
#include "report_pictures.h"
#include "report_tables.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

constexpr std::size_t most_mistakes = 12;

std::string with_interval(double value, const Interval& interval) {
  return join(fixed(value, 2), " (", fixed(interval.low, 2), " to ", fixed(interval.high, 2), ")");
}

std::string bytes_text(std::int64_t bytes) {
  const double kilobytes = static_cast<double>(bytes) / 1024;
  return kilobytes < 1024 ? fixed(kilobytes, 1) + " KiB" : fixed(kilobytes / 1024, 1) + " MiB";
}

DocumentFigure confusion_figure(const StudyRuns& runs, const RunGroup& group, const std::string& id) {
  const PooledTest test = pooled_test(group);
  const std::vector<std::string>& classes = runs.study().data.class_names();
  const Metrics metrics = classification_metrics(test.labels, test.predictions, classes);
  ConfusionPlot plot;
  plot.title = join(variant(group.variant).title, ": what pictures were taken for, ", split_name(group.split));
  plot.classes = classes;
  for (const auto& row : metrics.confusion) plot.counts.emplace_back(row.begin(), row.end());
  return {.id = id, .caption = {}, .svg = to_svg(plot), .label = ""};
}

/// The title of what has no number.
DocumentText titled(const std::string& text) { return {DocumentLine{{text, "", true}}}; }

DocumentTable facts_table(const StudyResult& run, const std::string& id) {
  DocumentTable table{.id = id, .caption = {}, .head = {}, .rows = {}, .note = {}, .label = "", .groups = {}};
  table.rows = {{{.text = "parameters"}, {.text = grouped(run.parameters)}},
                {{.text = "multiply-adds a picture"}, {.text = grouped(run.multiply_adds)}},
                {{.text = "activation memory a picture"}, {.text = bytes_text(run.activation_bytes)}},
                {{.text = "time an epoch, images/s"}, {.text = "in the last section", .link = "#table-timings"}}};
  return table;
}

DocumentTable own_runs_table(const StudyRuns& runs, const std::string& id) {
  DocumentTable table = runs_table(runs, id);
  table.id = "runs-" + id;
  table.caption = {};
  table.label = "";
  table.head.erase(table.head.begin() + 1);  // the network, the same in all
  for (auto& row : table.rows) row.erase(row.begin() + 1);
  return table;
}

/// What one split shows of a network.
void add_split(DocumentFold& fold, const StudyRuns& runs, const RunGroup& group) {
  const std::string id = join(group.variant, "-", group.split);
  const std::string title = group.split == "all"      ? "On all pictures"
                            : group.split == "random" ? "Random split"
                                                      : "Split by person";
  fold.blocks.push_back(DocumentHeading{.level = 4, .text = title, .id = id});
  std::vector<double> accuracies = group.values(&StudyResult::accuracy);
  const bool plots = !runs.study().plan.options.brief || group.variant == "best" || variant(group.variant).section == 8;
  const PooledTest test = pooled_test(group);
  const Calibration sure = calibration(test.probabilities, test.labels);
  std::string text = join("Accuracy ", accuracy_text(accuracies), ", mean confidence ", percent(sure.confidence),
                          ": the expected calibration error is ", fixed(sure.expected_error, 3), ", the Brier score ",
                          fixed(sure.brier_score, 3), " and the log loss ", fixed(sure.log_loss, 3), ".");
  if (group.runs.size() > 1)
    text += join(" Classes and calibration are of the ", group.runs.size(), " seeds' test sides together.");
  fold.blocks.push_back(DocumentText{text});
  if (plots)
    fold.blocks.push_back(DocumentGroup{
        .blocks = {group_curves_figure(group, true, id + "-loss"), group_curves_figure(group, false, id + "-accuracy"),
                   confusion_figure(runs, group, id + "-confusion"), reliability_figure(group, id + "-reliability")},
        .narrow = false,
        .id = {},
        .caption = {},
        .label = {}});
  fold.blocks.push_back(titled("Each class, with 95 % intervals"));
  fold.blocks.push_back(class_figures_table(runs, group, id + "-classes"));
  if (!plots) return;
  DocumentPictures wrong = mistakes_figure(runs.study(), *group.runs[0], most_mistakes, id + "-mistakes");
  fold.blocks.push_back(titled("Mistakes"));
  fold.blocks.push_back(DocumentText{std::exchange(wrong.caption, {})});
  if (!wrong.grid.groups.empty()) fold.blocks.push_back(wrong);
}

}  // namespace

PooledTest pooled_test(const RunGroup& group) {
  PooledTest all;
  for (const StudyResult* run : group.runs) {
    all.labels.insert(all.labels.end(), run->test.labels.begin(), run->test.labels.end());
    all.predictions.insert(all.predictions.end(), run->test.predictions.begin(), run->test.predictions.end());
    all.probabilities.insert(all.probabilities.end(), run->test.probabilities.begin(), run->test.probabilities.end());
    all.groups.insert(all.groups.end(), run->groups.begin(), run->groups.end());
  }
  return all;
}

DocumentTable class_figures_table(const StudyRuns& runs, const RunGroup& group, const std::string& id) {
  const PooledTest test = pooled_test(group);
  const std::vector<std::string>& classes = runs.study().data.class_names();
  const Metrics metrics = classification_metrics(test.labels, test.predictions, classes);
  const MetricIntervals intervals = bootstrap_metrics(test.labels, test.predictions, test.groups, classes);
  DocumentTable table{.id = id,
                      .caption = {},
                      .head = {"class", "pictures", "precision", "recall", "F1"},
                      .rows = {},
                      .note = {},
                      .label = "",
                      .groups = {}};
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const ClassMetrics& one = metrics.classes[c];
    const ClassIntervals& range = intervals.classes[c];
    table.rows.push_back({{.text = one.name},
                          {.text = grouped(one.support)},
                          {.text = with_interval(one.precision, range.precision)},
                          {.text = with_interval(one.recall, range.recall)},
                          {.text = with_interval(one.f1, range.f1)}});
  }
  if (group.method == "report")
    table.rows.push_back({{.text = "micro average"},
                          {.text = grouped(metrics.count)},
                          {.text = with_interval(metrics.micro_precision, intervals.accuracy)},
                          {.text = with_interval(metrics.micro_recall, intervals.accuracy)},
                          {.text = with_interval(metrics.micro_f1, intervals.accuracy)}});
  else
    table.rows.push_back({{.text = "macro average"},
                          {.text = grouped(metrics.count)},
                          {.text = with_interval(metrics.macro_precision, intervals.macro_precision)},
                          {.text = with_interval(metrics.macro_recall, intervals.macro_recall)},
                          {.text = with_interval(metrics.macro_f1, intervals.macro_f1)}});
  table.note =
      join("Intervals by bootstrap, ", grouped(intervals.resamples), " draws of ", intervals.units.words(), ".");
  return table;
}

DocumentFigure reliability_figure(const RunGroup& group, const std::string& id) {
  const PooledTest test = pooled_test(group);
  const Calibration sure = calibration(test.probabilities, test.labels);
  const ReliabilityPlot plot{
      .title = join(variant(group.variant).title, ": sureness against being right, ", split_name(group.split)),
      .bins = sure.bins,
      .description = {}};
  return {.id = id, .caption = {}, .svg = to_svg(plot), .label = ""};
}

DocumentFold model_fold(const StudyRuns& runs, const std::string& id) {
  const Variant& one = variant(id);
  DocumentFold fold{.title = one.title, .blocks = {}, .id = "model-" + id};
  fold.blocks.push_back(DocumentText{about_text(id)});
  const StudyResult* any = nullptr;
  for (const char* split : {"all", "random", "group"})
    if (const RunGroup& group = runs.group(id, split); any == nullptr && !group.empty()) any = group.runs[0];
  if (any == nullptr) {
    fold.blocks.push_back(
        DocumentText{capital(runs.missing(id, one.section == 3 ? "all" : "group", runs.method())) + "."});
    return fold;
  }
  std::vector<std::string> scores;
  for (const char* split : {"all", "random", "group"}) {
    const RunGroup& group = runs.group(id, split);
    if (!group.empty())
      scores.push_back(join(split_name(split), " ", accuracy_text(group.values(&StudyResult::accuracy))));
  }
  fold.title = join(one.title, ": ", listed(scores));
  fold.blocks.push_back(facts_table(*any, "facts-" + id));
  for (const char* split : {"all", "random", "group"})
    if (const RunGroup& group = runs.group(id, split); !group.empty()) add_split(fold, runs, group);
  fold.blocks.push_back(titled("Its runs"));
  fold.blocks.push_back(own_runs_table(runs, id));
  return fold;
}

}  // namespace mien::expressions::study
