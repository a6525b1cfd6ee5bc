#include "mien/train/comparison.h"

#include <cmath>
#include <cstdlib>

#include "mien/core/numbers.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

const char* const where = "compare";

std::string p_words(double p) { return p < 0.001 ? "p < 0.001" : "p = " + fixed(p, 3); }

/// "95 % interval 1.1 to 5.3, p = 0.012, corrected for 10 comparisons". `sign` turns it to the better one's view.
std::string evidence(const Interval& interval, double p, const Comparison& comparison, int sign) {
  const double low = sign > 0 ? interval.low : -interval.high, high = sign > 0 ? interval.high : -interval.low;
  std::string text = percent(comparison.level, 0) + " interval " + fixed(100 * low, 1) + " to " + fixed(100 * high, 1) +
                     ", " + p_words(p);
  if (comparison.comparisons > 1) text += ", corrected for " + std::to_string(comparison.comparisons) + " comparisons";
  return text;
}

std::string points(double difference) {
  const std::string number = fixed(100 * std::abs(difference), 1);
  return number + (number == "1.0" ? " point" : " points");
}

std::string in_words(const Comparison& c) {
  const auto better = [&](double difference) { return difference < 0 ? c.second : c.first; };
  const auto worse = [&](double difference) { return difference < 0 ? c.first : c.second; };
  const auto sign = [](double difference) { return difference < 0 ? -1 : 1; };
  if (c.shown)
    return better(c.difference) + " is better than " + worse(c.difference) + " by " + points(c.difference) + " (" +
           evidence(c.interval, c.adjusted_p, c, sign(c.difference)) + ").";
  const PairedAccuracy& people = c.over_people;
  const std::string over_people = evidence(people.interval, c.people_p, c, sign(people.difference));
  if (c.networks_shown && c.runs == 1)
    return "The one network trained as " + better(people.difference) + " is better than the one trained as " +
           worse(people.difference) + " by " + points(people.difference) + " (" + over_people +
           "); whether training so is better, one run of each cannot show.";
  std::string text = "No difference shown between " + c.first + " and " + c.second + ": ";
  if (c.networks_shown)
    return text + "the " + std::to_string(c.runs) + " networks trained as " + better(people.difference) +
           " are better by " + points(people.difference) + " (" + over_people +
           "), but the runs are too few or too unlike to show that training so is better (over the runs " +
           evidence(c.interval, c.adjusted_p, c, sign(people.difference)) + ").";
  if (fixed(100 * c.difference, 1) == "0.0" || fixed(100 * c.difference, 1) == "-0.0")
    text += "both are right equally often";
  else
    text += better(c.difference) + " is ahead by " + points(c.difference);
  return text + " (" + evidence(c.interval, c.adjusted_p, c, sign(c.difference)) + ").";
}

/// Sets what follows from the corrected p values.
void judge(Comparison& comparison) {
  const double most = 1 - comparison.level;
  comparison.networks_shown = comparison.people_p <= most;
  comparison.shown = comparison.over_runs && comparison.adjusted_p <= most;
  comparison.sentence = in_words(comparison);
}

double accuracy_of(const ComparedRun& run) {
  int right = 0;
  for (std::size_t i = 0; i < run.labels.size(); ++i) right += run.predictions[i] == run.labels[i];
  return right / static_cast<double>(run.labels.size());
}

}  // namespace

Comparison compare(const ComparedVariant& first, const ComparedVariant& second, const BootstrapOptions& options) {
  check(!first.runs.empty() && first.runs.size() == second.runs.size(), where,
        "both variants must have as many runs, and at least one. Got ", first.runs.size(), " of ", first.name, " and ",
        second.runs.size(), " of ", second.name, ".");
  std::vector<std::int32_t> labels, of_first, of_second;
  std::vector<std::string> groups;
  std::vector<double> first_accuracies, second_accuracies;
  for (std::size_t run = 0; run < first.runs.size(); ++run) {
    const ComparedRun &a = first.runs[run], &b = second.runs[run];
    check(!a.labels.empty() && a.labels == b.labels && a.groups == b.groups, where, "run ", run, " of ", first.name,
          " and of ", second.name, " must be tested on the same pictures.");
    check(a.predictions.size() == a.labels.size() && b.predictions.size() == a.labels.size() &&
              (a.groups.empty() || a.groups.size() == a.labels.size()),
          where, "there must be one prediction for each label, and one group or none. Got ", a.predictions.size(),
          " and ", b.predictions.size(), " predictions and ", a.groups.size(), " groups for ", a.labels.size(), ".");
    labels.insert(labels.end(), a.labels.begin(), a.labels.end());
    of_first.insert(of_first.end(), a.predictions.begin(), a.predictions.end());
    of_second.insert(of_second.end(), b.predictions.begin(), b.predictions.end());
    groups.insert(groups.end(), a.groups.begin(), a.groups.end());
    groups.resize(labels.size());
    first_accuracies.push_back(accuracy_of(a));
    second_accuracies.push_back(accuracy_of(b));
  }
  Comparison comparison;
  comparison.first = first.name;
  comparison.second = second.name;
  comparison.runs = static_cast<int>(first.runs.size());
  comparison.level = options.level;
  comparison.over_people = paired_accuracy(labels, of_first, of_second, groups, options);
  comparison.difference = comparison.over_people.difference;
  comparison.interval = comparison.over_people.interval;
  comparison.p = comparison.people_p = comparison.over_people.p;
  if (comparison.runs > 1) {
    comparison.over_runs = paired_t_test(first_accuracies, second_accuracies, options.level);
    if (comparison.over_runs->p > comparison.p) {
      comparison.difference = comparison.over_runs->difference;
      comparison.interval = comparison.over_runs->interval;
      comparison.p = comparison.over_runs->p;
    }
  }
  comparison.adjusted_p = comparison.p;
  judge(comparison);
  return comparison;
}

void correct_for_each_other(std::vector<Comparison>& comparisons) {
  std::vector<double> deciding, people;
  for (const Comparison& comparison : comparisons) {
    deciding.push_back(comparison.p);
    people.push_back(comparison.over_people.p);
  }
  deciding = holm_adjusted(deciding);
  people = holm_adjusted(people);
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    comparisons[i].adjusted_p = deciding[i];
    comparisons[i].people_p = people[i];
    comparisons[i].comparisons = static_cast<int>(comparisons.size());
    judge(comparisons[i]);
  }
}

}  // namespace mien
