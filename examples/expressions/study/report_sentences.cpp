#include "report_sentences.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "mien/core/numbers.h"
#include "mien/train/report.h"
#include "mien/train/statistics.h"
#include "report_2021.h"
#include "report_tables.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

/// All pictures right, or so nearly that the printed percentage is 100.0.
bool perfect(double accuracy) { return accuracy > 0.9995; }

/// How many classes a run names at all.
std::size_t classes_named(const StudyResult& run) {
  return std::set<std::int32_t>(run.test.predictions.begin(), run.test.predictions.end()).size();
}

std::string on_split(const std::string& split) { return split == "group" ? "by person" : "with the random split"; }

/// The differences random minus by person of the networks of section 4, seed by seed.
std::vector<double> leak_differences(const StudyRuns& runs) {
  std::vector<double> all;
  for (const std::string& id : runs.rows(4)) {
    const SeedPairs pairs = pair_by_seed(runs.group(id, "random"), runs.group(id, "group"));
    for (std::size_t i = 0; i < pairs.first.size(); ++i)
      all.push_back(pairs.first[i]->accuracy - pairs.second[i]->accuracy);
  }
  return all;
}

}  // namespace

double chance_of(const StudyResult& run) {
  std::vector<int> counts;
  for (const std::int32_t label : run.test.labels) {
    if (static_cast<std::size_t>(label) >= counts.size()) counts.resize(static_cast<std::size_t>(label) + 1);
    ++counts[static_cast<std::size_t>(label)];
  }
  if (counts.empty()) return 1;
  return static_cast<double>(*std::max_element(counts.begin(), counts.end())) /
         static_cast<double>(run.test.labels.size());
}

bool at_chance(const StudyResult& run) {
  const int count = static_cast<int>(run.test.labels.size());
  const int right = static_cast<int>(std::lround(run.accuracy * count));
  return count == 0 || wilson_interval(right, count).first <= chance_of(run);
}

std::string best_of_sections(const StudyRuns& runs, const std::vector<int>& sections) {
  for (const char* split : {"group", "random"}) {
    std::string best;
    double highest = -1;
    for (const int section : sections)
      for (const std::string& id : runs.rows(section)) {
        const RunGroup& group = runs.group(id, split);
        if (group.empty()) continue;
        if (const double mean = group.mean(&StudyResult::accuracy); mean > highest) highest = mean, best = id;
      }
    if (!best.empty()) return best;
  }
  return "";
}

std::vector<std::string> overfit_sentences(const StudyRuns& runs) {
  std::vector<std::string> all_right, others;
  double lowest = INFINITY;
  std::string lowest_id;
  for (const ReportedRow& row : reported_rows(3)) {
    const RunGroup& group = runs.group(row.variant, "all");
    if (group.empty()) continue;
    const std::vector<double> accuracies = group.values(&StudyResult::accuracy);
    const std::string title = variant(row.variant).title;
    if (std::all_of(accuracies.begin(), accuracies.end(), perfect))
      all_right.push_back(title);
    else
      others.push_back(join(title, " (", accuracy_text(accuracies), ")"));
    if (const double loss = group.mean(&StudyResult::loss); loss < lowest) lowest = loss, lowest_id = row.variant;
  }
  if (all_right.empty() && others.empty()) return {"Not run: the networks of section 3."};
  std::vector<std::string> said;
  if (!all_right.empty())
    said.push_back(join("Trained and scored on the same pictures, ", listed(all_right),
                        all_right.size() == 1 ? " gets" : " get",
                        runs.seeds() > 1 ? " all of them right with every seed." : " all of them right."));
  if (!others.empty())
    said.push_back(join(all_right.empty()
                            ? "Trained and scored on the same pictures, none of the networks gets all right: "
                            : "Not all right are: ",
                        listed(others), "."));
  said.push_back(
      join("The lowest loss is that of ", variant(lowest_id).title, ", ",
           losses_text(runs.group(lowest_id, "all").values(&StudyResult::loss)),
           ". Such figures tell how well a network can remember pictures, and nothing of new ones: these are "
           "all pictures it was trained on."));
  return said;
}

std::vector<std::string> notebook_sentences(const StudyRuns& runs) {
  std::vector<std::string> said;
  if (const RunGroup& group = runs.group("baseline", "all"); !group.empty()) {
    std::size_t stuck = 0, one_class = 0;
    for (const StudyResult* run : group.runs) stuck += at_chance(*run), one_class += classes_named(*run) == 1;
    const std::string figure = accuracy_text(group.values(&StudyResult::accuracy));
    std::string text = join("The baseline comes to ", figure, ", where always naming the most frequent class gives ",
                            percent(chance_of(*group.runs[0])), ". ");
    if (stuck == group.runs.size())
      text += group.runs.size() == 1 ? "It is stuck at chance, as the notebook's was. "
                                     : "It is stuck at chance with every seed, as the notebook's was. ";
    else if (stuck > 0)
      text += join("It is stuck at chance with ", counted(static_cast<std::int64_t>(stuck), "seed", "seeds"), " of ",
                   group.runs.size(), ". ");
    else
      text += "It is not stuck here, as the notebook's was. ";
    if (one_class > 0)
      text += one_class == group.runs.size() ? "It names one and the same class for every picture. "
                                             : join("In ", one_class, " of ", group.runs.size(),
                                                    " runs it names one and the same class for every picture. ");
    if (stuck > 0)
      text +=
          "The place to look at is its last but one layer: five units with ReLU. A unit whose sum is below zero for "
          "every picture hands on 0 and gets no gradient back, so it stays so; where all five are, every picture "
          "looks the same to the last layer, which can then learn nothing but how frequent the classes are.";
    else
      text +=
          "What can stop it is its last but one layer: five units with ReLU, of which one whose sum is below zero for "
          "every picture gets no gradient any more.";
    said.push_back(text);
  }
  if (const RunGroup& group = runs.group("overfit", "all"); !group.empty()) {
    const std::vector<double> accuracies = group.values(&StudyResult::accuracy);
    said.push_back(join(
        "The notebook's overfit network comes to ", accuracy_text(accuracies), " on the pictures it was trained on",
        std::all_of(accuracies.begin(), accuracies.end(), perfect) ? ": it remembers all of them." : "."));
  }
  if (const RunGroup& group = runs.group("label_as_input", "all"); !group.empty()) {
    const std::vector<double> accuracies = group.values(&StudyResult::accuracy);
    const bool right = std::all_of(accuracies.begin(), accuracies.end(), perfect);
    std::string text =
        join("The network that is given the label as a second channel comes to ", accuracy_text(accuracies), ". ");
    text +=
        right
            ? "It has the answer before its eyes, so that a perfect score says nothing of faces: before a figure is "
              "believed, ask what stood in the input. Pictures of one person on both sides of a split are the same "
              "mistake in small."
            : "It has the answer before its eyes, and one convolution and one Dense layer do not read it off for every "
              "picture: in the time it had, it has not found the one number that tells all.";
    said.push_back(text);
  }
  if (said.empty()) said.push_back("Not run: the three networks of the notebook.");
  return said;
}

std::string leak_worth(const StudyRuns& runs) {
  const std::vector<double> differences = leak_differences(runs);
  if (differences.empty()) return "What the leak was worth is not known: it takes both splits, and not both were run.";
  const auto higher = std::count_if(differences.begin(), differences.end(), [](double one) { return one > 0; });
  const auto lower = std::count_if(differences.begin(), differences.end(), [](double one) { return one < 0; });
  const double average = mean(differences);
  return join("Of ", counted(static_cast<std::int64_t>(differences.size()), "pair", "pairs"),
              " of runs that differ in the split only, the random one scores higher in ", higher, " and lower in ",
              lower, "; on average it is ", fixed(100 * std::abs(average), 1), " points ",
              average < 0 ? "lower" : "higher", ".");
}

std::vector<std::string> leak_sentences(const StudyRuns& runs) {
  std::vector<std::string> said;
  if (runs.study().data.has_groups())
    for (const char* split : {"random", "group"})
      for (const StudyRun& run : runs.study().plan.runs)
        if (run.split == split) {
          const Split sides = sides_of(run, runs.study().data);
          said.push_back(join(capital(on_split(split)), ", ", tested_and_trained_on(sides), " of the ",
                              sides.test.size(), " test pictures (seed ", run.seed,
                              ") show somebody who was trained on too."));
          break;
        }
  said.push_back(leak_worth(runs));
  const std::vector<double> differences = leak_differences(runs);
  const auto higher = std::count_if(differences.begin(), differences.end(), [](double one) { return one > 0; });
  if (!differences.empty() && mean(differences) > 0 && 4 * higher > 3 * static_cast<std::ptrdiff_t>(differences.size()))
    said.push_back(
        "That is what knowing the people was worth: the same networks and the same pictures, and only the question "
        "differs.");
  return said;
}

std::vector<std::string> section_sentences(const StudyRuns& runs, int section) {
  std::vector<std::string> said;
  const std::vector<SplitComparison> all = comparisons_of(runs, section);
  for (const char* split : {"random", "group"}) {
    std::vector<std::string> higher, lower, same;
    for (const SplitComparison& one : all)
      if (one.split == split)
        (!one.result.shown ? same : one.result.difference > 0 ? higher : lower).push_back(one.result.first);
    if (higher.empty() && lower.empty() && same.empty()) continue;
    std::vector<std::string> parts;
    if (!higher.empty()) parts.push_back(join("higher accuracy is shown for ", listed(higher)));
    if (!lower.empty()) parts.push_back(join("lower accuracy is shown for ", listed(lower)));
    if (!same.empty()) parts.push_back(join("no difference shown for ", listed(same)));
    std::string text =
        join("Compared with ", section == 5 ? "no augmentation" : "no regularisation", ", ", on_split(split), ": ");
    for (std::size_t i = 0; i < parts.size(); ++i) text += (i ? "; " : "") + parts[i];
    said.push_back(text + ".");
  }
  if (said.empty())
    said.push_back(join("Not run: nothing of section ", section, " can be compared."));
  else {
    const auto& rows = reported_rows(section);
    double low = 1, high = 0;
    for (const ReportedRow& row : rows) low = std::min(low, row.accuracy), high = std::max(high, row.accuracy);
    const int pictures = static_cast<int>(std::lround((high - low) * reported_test_pictures));
    if (pictures > 0)
      said.push_back(join("The report's own rows lie ", fixed(100 * (high - low), 1), " points apart, which is ",
                          counted(pictures, "picture", "pictures"), " of its ", reported_test_pictures,
                          ": too few to rank them by a single run each."));
    else
      said.push_back("The report's own rows all have 100 %, so its losses are all that tells them apart.");
  }
  return said;
}

std::vector<std::string> pretrained_sentences(const StudyRuns& runs) {
  std::vector<std::string> said;
  for (const char* split : {"random", "group"})
    for (const std::string& id : runs.rows(7)) {
      const SeedPairs pairs = pair_by_seed(runs.group(id, split, "sound"), runs.group(id, split, "report"));
      std::vector<double> differences;
      for (std::size_t i = 0; i < pairs.first.size(); ++i)
        differences.push_back(pairs.first[i]->accuracy - pairs.second[i]->accuracy);
      if (!differences.empty())
        said.push_back(join(variant(id).title, ", ", on_split(split),
                            ": the pixels that its weights expect instead of "
                            "pixels / 255 are worth ",
                            points_text(differences), "."));
    }
  for (const SplitComparison& one : comparisons_of(runs, 7))
    said.push_back(join(capital(split_name(one.split)), ": ", one.result.sentence));
  if (said.empty()) said.push_back("Not run: none of the bases, or nothing that they are compared with.");
  return said;
}

std::vector<std::string> recipe_sentences(const StudyRuns& runs) {
  std::vector<std::string> said;
  for (const SplitComparison& one : comparisons_of(runs, 8))
    said.push_back(join(capital(split_name(one.split)), ": ", one.result.sentence));
  if (said.empty()) said.push_back("Not run: the recipe, or what it is compared with.");
  return said;
}

std::vector<std::string> method_sentences(const StudyRuns& runs) {
  if (!runs.two_methods()) return {};
  std::vector<std::string> said;
  for (const char* split : {"random", "group"}) {
    std::vector<double> differences;
    for (const Variant& one : variants()) {
      const SeedPairs pairs = pair_by_seed(runs.group(one.id, split, "sound"), runs.group(one.id, split, "report"));
      for (std::size_t i = 0; i < pairs.first.size(); ++i)
        differences.push_back(pairs.first[i]->accuracy - pairs.second[i]->accuracy);
    }
    if (differences.empty()) continue;
    const auto higher = std::count_if(differences.begin(), differences.end(), [](double one) { return one > 0; });
    said.push_back(join("Over ", counted(static_cast<std::int64_t>(differences.size()), "pair", "pairs"), " of runs, ",
                        on_split(split), ", the sound method scores ", points_text(differences),
                        " against the report's, and is higher in ", higher, "."));
  }
  return said;
}

}  // namespace mien::expressions::study
