// Why our figures differ from the report's: the two studies laid side by side.
#include <set>

#include "mien/core/numbers.h"
#include "mien/train/report.h"
#include "report_2021.h"
#include "report_sentences.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

constexpr int report_overfit_epochs = 25, report_patience = 30;

/// A run of the section as planned; of any section where this one has none.
const StudyRun& run_of(const StudyRuns& runs, int section) {
  for (const StudyRun& run : runs.study().plan.runs)
    if (run.section == section) return run;
  return runs.any_run();
}

bool section_planned(const StudyRuns& runs, int section) {
  for (const StudyRun& run : runs.study().plan.runs)
    if (run.section == section) return true;
  return false;
}

std::string about_pictures(const StudyRuns& runs) {
  const Dataset& data = runs.study().data;
  std::set<std::string> people;
  for (int i = 0; data.has_groups() && i < data.size(); ++i) people.insert(data.group(i));
  std::string text = join("our ", grouped(data.size()), " pictures are ",
                          runs.study().plan.options.synthetic ? "drawn" : "other photographs");
  if (!people.empty()) text += join(" and show ", grouped(static_cast<std::int64_t>(people.size())), " people");
  return text + ", the report's are photographs that came in bursts, of how many people is not on record";
}

std::string about_size(const StudyRuns& runs, int section) {
  const int size = run_of(runs, section).size;
  if (size == reported_size) return "";
  return join("ours are ", size, " × ", size, " pixels, the report's ", reported_size, " × ", reported_size);
}

std::string about_training(const StudyRuns& runs, int section) {
  const StudyRun& run = run_of(runs, section);
  if (section == 3)
    return run.epochs == report_overfit_epochs
               ? ""
               : join("ours trained for at most ", run.epochs, " epochs, the report's for ", report_overfit_epochs);
  std::string text;
  if (run.patience != report_patience)
    text = join("ours stopped after ", run.patience, " epochs without a better validation loss, the report's after ",
                report_patience);
  return text.empty() ? join("ours had at most ", run.epochs, " epochs, the report's limit is not on record")
                      : join(text, ", and had at most ", run.epochs, " epochs");
}

std::string about_seeds(const StudyRuns& runs) {
  return runs.seeds() > 1 ? join("each of the report's figures is of a single run, ours are means over up to ",
                                 runs.seeds(), " seeds")
                          : "each figure is of a single run, the report's and ours: another seed gives another figure";
}

std::string about_test(int section) {
  double highest = 0;
  for (const ReportedRow& row : reported_rows(section == 8 ? 4 : section)) highest = std::max(highest, row.accuracy);
  const int right = static_cast<int>(highest * reported_test_pictures + 0.5);
  const auto [low, high] = wilson_interval(right, reported_test_pictures);
  return join("the report tested ", reported_test_pictures, " pictures, so that its ", percent(highest),
              " stands for anything from ", percent(low), " to ", percent(high), " (95 % interval)");
}

std::string about_method(const StudyRuns& runs) {
  if (runs.methods()[0] == "report" && !runs.two_methods()) return "";
  return runs.two_methods() ? "the report scored the weights of the last epoch, as the rows of its method do here"
                            : "the report scored the weights of the last epoch, we those of the best one";
}

}  // namespace

std::string size_remark(const StudyRuns& runs) {
  const int size = run_of(runs, 3).size;
  if (size == reported_size) return "At the report's size of pictures, parameters must be equal, and can be compared.";
  return join("Parameters are comparable at ", reported_size, " × ", reported_size, " only; these are of ", size, " × ",
              size, ": the first Dense layer has a weight for each value of the last feature maps.");
}

std::string why_they_differ(const StudyRuns& runs, int section) {
  std::vector<std::string> reasons;
  if (section >= 5) {
    reasons = {"for the reasons under Table 4", about_test(section)};
  } else {
    reasons = {about_pictures(runs), about_size(runs, section)};
    if (section_planned(runs, section)) reasons.push_back(about_training(runs, section));
    reasons.push_back(about_seeds(runs));
  }
  if (section == 4)
    for (const std::string& reason :
         {std::string("the report divided at random, which puts pictures of one burst on both sides; by person nobody "
                      "stands on two sides"),
          about_test(section), about_method(runs)})
      reasons.push_back(reason);
  std::string text = "Why the figures differ from the report's: ";
  bool first = true;
  for (const std::string& reason : reasons)
    if (!reason.empty()) text += (first ? "" : "; ") + reason, first = false;
  text += ".";
  if (section == 3)
    text +=
        " The report's losses are on record, but not which network has which: the lowest is set beside the best "
        "and largest, the next beside attempt 3, and so on. The layers of attempts 1 to 3 are not on record "
        "either; these are ours.";
  if (section == 4) text += " The report's accuracies are set beside the networks in the order in which it gives them.";
  if (section == 5)
    text +=
        " The report has two rows called small and does not say how they differ; the second stands beside our "
        "plain rules.";
  if (section == 6)
    text += " How strong the report's penalty and dropout were is not on record; the strengths are ours.";
  if (section == 7) text += " The bases stand in the order in which the report gives them.";
  if (section < 5 && runs.seeds() > 1)
    text += " ± is one standard deviation over the seeds; the small numbers are the seeds.";
  return capital(text);
}

}  // namespace mien::expressions::study
