#include "report_figures.h"

#include <algorithm>
#include <cmath>

#include "mien/core/numbers.h"
#include "mien/io/svg.h"
#include "mien/io/text.h"
#include "mien/train/statistics.h"
#include "report_2021.h"
#include "report_sentences.h"
#include "report_tables.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

double figure_of(const EpochRecord& epoch, Curve curve) {
  switch (curve) {
    case Curve::loss:
      return epoch.loss;
    case Curve::accuracy:
      return epoch.accuracy;
    case Curve::val_loss:
      return epoch.val_loss;
    default:
      return epoch.val_accuracy;
  }
}

bool is_loss(Curve curve) { return curve == Curve::loss || curve == Curve::val_loss; }

std::string title_of(Curve curve) {
  const bool validation = curve == Curve::val_loss || curve == Curve::val_accuracy;
  return join(validation ? "validation " : "training ", is_loss(curve) ? "loss" : "accuracy");
}

LinePlot empty_plot(const std::string& title, bool loss) {
  LinePlot plot;
  plot.title = title;
  plot.x_title = "epoch";
  plot.y_title = loss ? "cross-entropy (nats)" : "share right";
  if (!loss) plot.y_low = 0, plot.y_high = 1;
  return plot;
}

/// The networks whose curves a section shows.
std::vector<std::string> curve_rows(const StudyRuns& runs, int section) {
  std::vector<std::string> ids;
  if (section == 3) {
    for (const ReportedRow& row : reported_rows(3)) ids.push_back(row.variant);
    return ids;
  }
  if (section >= 5 && section <= 7) ids.push_back(StudyRuns::reference(section));
  if (section == 8) ids.push_back("best");
  for (const std::string& id : runs.rows(section)) ids.push_back(id);
  return ids;
}

/// Whether any of the section's own networks was run on a split: its reference alone makes no figure.
bool own_runs(const StudyRuns& runs, int section, const std::string& split) {
  std::vector<std::string> ids = section == 3 ? curve_rows(runs, 3) : runs.rows(section);
  return std::any_of(ids.begin(), ids.end(), [&](const auto& id) { return !runs.group(id, split).empty(); });
}

DocumentFigure part(const std::string& id, const LinePlot& plot) {
  return {.id = id, .caption = {}, .svg = to_svg(plot), .label = ""};
}

}  // namespace

PlotSeries curve_of(const RunGroup& group, Curve curve, const std::string& name) {
  PlotSeries series{.name = name};
  std::size_t epochs = group.empty() ? 0 : group.runs[0]->history.size();
  for (const StudyResult* run : group.runs) epochs = std::min(epochs, run->history.size());
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    std::vector<double> values;
    for (const StudyResult* run : group.runs) values.push_back(figure_of(run->history[epoch], curve));
    const double middle = mean(values);
    series.y.push_back(middle);
    if (values.size() < 2) continue;
    const double deviation = standard_deviation(values);
    // Where the deviation is larger than the mean, the lowest seed bounds the band: a loss is never below zero.
    const double lower = middle - deviation, lowest = *std::min_element(values.begin(), values.end());
    series.lower.push_back(is_loss(curve) ? (lower > 0 ? lower : lowest) : std::max(0.0, lower));
    series.upper.push_back(is_loss(curve) ? middle + deviation : std::min(1.0, middle + deviation));
  }
  return series;
}

DocumentBlock curves_figure(const StudyRuns& runs, int section) {
  const int number = section == 3 ? 2 : section;
  DocumentGroup figure{
      .blocks = {}, .narrow = false, .id = join("figure-", number), .caption = {}, .label = join("Figure ", number)};
  std::vector<std::string> missing;
  const auto add = [&](Curve curve, const std::string& split) {
    const std::string title = join(title_of(curve), split == "all" ? "" : ", " + split_name(split));
    LinePlot plot = empty_plot(join("Section ", section, ": ", title), is_loss(curve));
    plot.y_logarithmic = curve == Curve::loss;
    for (const std::string& id : curve_rows(runs, section))
      if (const RunGroup& group = runs.group(id, split); !group.empty())
        plot.series.push_back(curve_of(group, curve, variant(id).title));
    if (!own_runs(runs, section, split)) {
      missing.push_back(title);
      return;
    }
    figure.blocks.push_back(part(join(figure.id, "-", split, is_loss(curve) ? "-loss" : "-accuracy"), plot));
  };
  if (section == 3) {
    add(Curve::loss, "all");
    add(Curve::accuracy, "all");
  } else {
    for (const char* split : {"random", "group"}) {
      add(Curve::val_loss, split);
      add(Curve::val_accuracy, split);
    }
  }
  std::string caption = section == 3 ? "Learning curves of the four networks; the loss on a logarithmic axis."
                                     : "Validation curves by both splits.";
  if (runs.seeds() > 1)
    caption +=
        " Lines are means over the seeds, bands one standard deviation to either side; a line ends where the "
        "first of its seeds was stopped.";
  if (figure.blocks.empty()) return DocumentText{figure.label + ": not run."};
  if (!missing.empty()) caption += join(" Not run: ", listed(missing), ".");
  figure.caption = caption;
  return figure;
}

DocumentBlock accuracy_figure(const StudyRuns& runs, int section) {
  IntervalPlot plot;
  plot.title = join("Section ", section, ": accuracy on the test side");
  plot.x_title = "right answers (%)";
  plot.x_low = 0, plot.x_high = 100;
  plot.reference.name = "the report";
  const std::vector<std::string> ids = curve_rows(runs, section);
  double chance = 0;
  for (const std::string& id : ids) {
    plot.rows.push_back(variant(id).title);
    const auto row = reported_test(id);
    plot.reference.values.push_back(row ? 100 * row->accuracy : NAN);
  }
  for (const char* split : {"random", "group"}) {
    IntervalSeries series{.name = join("ours, ", split_name(split))};
    bool any = false;
    for (const std::string& id : ids) {
      const RunGroup& group = runs.group(id, split);
      std::vector<double> values = group.values(&StudyResult::accuracy);
      for (double& value : values) value *= 100;
      any = any || !values.empty();
      for (const StudyResult* run : group.runs) chance = std::max(chance, 100 * chance_of(*run));
      const double middle = values.empty() ? NAN : mean(values);
      const double deviation = values.size() < 2 ? 0 : standard_deviation(values);
      series.values.push_back(middle);
      series.lower.push_back(std::max(0.0, middle - deviation));
      series.upper.push_back(std::min(100.0, middle + deviation));
      series.parts.push_back(values);
    }
    if (runs.seeds() < 2) series.lower.clear(), series.upper.clear(), series.parts.clear();
    if (any && own_runs(runs, section, split)) plot.series.push_back(series);
  }
  const std::string label = join("Figure ", section, ", accuracies");
  if (plot.series.empty()) return DocumentText{label + ": not run."};
  plot.levels.push_back({chance, "always one class"});
  std::string caption = "Accuracy on the test side, the report's beside ours.";
  if (runs.seeds() > 1)
    caption += " A bar is one standard deviation over the seeds to either side, faint marks are the seeds.";
  return DocumentFigure{
      .id = join("figure-", section, "-accuracies"), .caption = caption, .svg = to_svg(plot), .label = label};
}

DocumentFigure group_curves_figure(const RunGroup& group, bool loss, const std::string& id) {
  LinePlot plot =
      empty_plot(join(variant(group.variant).title, loss ? ": loss, " : ": accuracy, ", split_name(group.split)), loss);
  plot.series.push_back(curve_of(group, loss ? Curve::loss : Curve::accuracy, "training"));
  if (group.split != "all")
    plot.series.push_back(curve_of(group, loss ? Curve::val_loss : Curve::val_accuracy, "validation"));
  if (group.runs.size() == 1 && group.split != "all") {
    const StudyResult& run = *group.runs[0];
    const auto scored = static_cast<std::size_t>(std::max(0, run.scored_epoch));
    if (scored < plot.series[1].y.size())
      plot.markers.push_back({static_cast<double>(scored) + 1, plot.series[1].y[scored],
                              loss ? join("epoch ", scored + 1, ", scored") : ""});
  }
  return part(id, plot);
}

DocumentBlock summary_figure(const StudyRuns& runs, const std::string& id) {
  const StudyResult* found = nullptr;
  for (const StudyResult& run : runs.study().results)
    if (run.run.variant == id && (found == nullptr || run.key < found->key)) found = &run;
  DocumentFigure figure{.id = "figure-3", .caption = {}, .svg = {}, .label = "Figure 3"};
  if (found == nullptr) return DocumentText{"Figure 3: not run. A network's summary comes from its training."};
  SvgDrawing drawing;
  constexpr double shape_at = 215, parameters_from = 385, parameters_at = plot_width - 2;
  double y = 18;
  drawing.add_text(2, y, "layer", Anchor::start, "strong");
  drawing.add_text(shape_at, y, "output shape", Anchor::start, "strong");
  drawing.add_text(parameters_at, y, "parameters", Anchor::end, "strong");
  std::string description;
  const auto rule = [&] {
    drawing.add("<path class=\"axis\" d=\"M0 ", coordinate(y + 7), "h", coordinate(plot_width), "\"/>");
  };
  rule();
  for (const SummaryRow& row : found->summary.rows) {
    y += line_height;
    const double share =
        static_cast<double>(row.parameters) / static_cast<double>(std::max<std::int64_t>(1, found->parameters));
    const double bar = share * (plot_width - parameters_from);
    if (row.parameters > 0)
      drawing.add("<rect class=\"heat\" fill-opacity=\".25\" x=\"", coordinate(plot_width - bar), "\" y=\"",
                  coordinate(y - 14), "\" width=\"", coordinate(bar), "\" height=\"18\"/>");
    drawing.add_text(2, y, cut_to_width(row.name, 22));
    drawing.add_text(shape_at, y, keras_shape(row.shape));
    drawing.add_text(parameters_at, y, grouped(row.parameters), Anchor::end);
    description += join(row.name, " ", keras_shape(row.shape), " ", row.parameters, "; ");
  }
  rule();
  y += line_height + 4;
  drawing.add_text(2, y, "all", Anchor::start, "strong");
  drawing.add_text(parameters_at, y, grouped(found->parameters), Anchor::end, "strong");
  const bool same_size = found->run.size == reported_size;
  figure.svg = drawing.finish(y + 10, join("Summary of ", variant(id).title),
                              join(description, "all ", found->parameters, " parameters."));
  figure.caption = join(
      "Summary of the report's best and largest network, with the output shape and the parameters of each layer; bars "
      "are shares of all parameters. ",
      "The report counts 2,196,933 parameters at 256 × 256; here, at ", found->run.size, " × ", found->run.size,
      ", it has ", grouped(found->parameters), found->parameters == 2196933 ? ", the same." : ".",
      same_size ? "" : " The convolutions have the same; the first Dense layer's grow with the picture's area.");
  return figure;
}

DocumentGroup normalisation_figure(const Study& study) {
  const std::vector<std::int64_t> counts = pixel_counts(study.data);
  double all = 0;
  for (const std::int64_t count : counts) all += static_cast<double>(count);
  DocumentGroup group{
      .blocks = {}, .narrow = false, .id = "figure-1-normalisation", .caption = {}, .label = "Figure 1, continued"};
  for (const bool after : {false, true}) {
    LinePlot plot;
    plot.title = after ? "After: Y / 255" : "Before: Y";
    plot.x_title = after ? "value of a pixel (0 to 1)" : "value of a pixel (0 to 255)";
    plot.y_title = "share of all pixels, in percent";
    plot.y_low = 0;
    plot.series.push_back({.name = "pixels"});
    // Four values together: a picture that was brightened has gaps between single ones.
    for (std::size_t low = 0; low < counts.size(); low += 4) {
      double here = 0;
      for (std::size_t value = low; value < low + 4; ++value) here += static_cast<double>(counts[value]);
      plot.series[0].x.push_back((static_cast<double>(low) + 1.5) / (after ? 255 : 1));
      plot.series[0].y.push_back(100 * here / all);
    }
    group.blocks.push_back(part(after ? "figure-1-after" : "figure-1-before", plot));
  }
  group.caption =
      "How often the grey values occur, four values together, before and after normalisation. The two curves are the "
      "same: dividing by 255 moves no pixel relative to another. It brings the numbers to the size at which the "
      "weights' "
      "first values and the learning rate are chosen.";
  return group;
}

}  // namespace mien::expressions::study
