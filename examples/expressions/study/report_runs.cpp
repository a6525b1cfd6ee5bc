#include "report_runs.h"

#include <algorithm>
#include <numeric>

#include "mien/kernels/error.h"
#include "report_2021.h"

namespace mien::expressions::study {

std::vector<double> RunGroup::values(double StudyResult::*figure) const {
  std::vector<double> all;
  for (const StudyResult* run : runs) all.push_back(run->*figure);
  return all;
}

double RunGroup::mean(double StudyResult::*figure) const {
  const std::vector<double> all = values(figure);
  return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

SeedPairs pair_by_seed(const RunGroup& first, const RunGroup& second) {
  SeedPairs pairs;
  for (const StudyResult* a : first.runs)
    for (const StudyResult* b : second.runs)
      if (a->run.seed == b->run.seed) {
        pairs.first.push_back(a);
        pairs.second.push_back(b);
      }
  return pairs;
}

StudyRuns::StudyRuns(const Study& study) : study_(&study) {
  check(!study.plan.runs.empty(), "report", "a study without runs cannot be reported.");
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::uint64_t>> seeds;
  for (const char* method : {"report", "sound"})
    if (std::any_of(study.plan.runs.begin(), study.plan.runs.end(),
                    [&](const auto& run) { return run.method == method; }))
      methods_.push_back(method);
  check(!methods_.empty(), "report", "a run's method is \"report\" or \"sound\". Got \"", study.plan.runs[0].method,
        "\".");
  for (const StudyRun& run : study.plan.runs) {
    auto& known = seeds[{run.variant, run.split, run.method}];
    if (std::find(known.begin(), known.end(), run.seed) == known.end()) known.push_back(run.seed);
    seeds_ = std::max(seeds_, static_cast<int>(known.size()));
  }
  for (const StudyResult& result : study.results) {
    const StudyRun& run = result.run;
    RunGroup& group = groups_[{run.variant, run.split, run.method}];
    group.variant = run.variant, group.split = run.split, group.method = run.method;
    // The same training may serve two sections.
    if (std::none_of(group.runs.begin(), group.runs.end(), [&](const auto* other) { return other->key == result.key; }))
      group.runs.push_back(&result);
  }
  for (auto& [name, group] : groups_)
    std::sort(group.runs.begin(), group.runs.end(),
              [](const StudyResult* a, const StudyResult* b) { return a->run.seed < b->run.seed; });
}

const RunGroup& StudyRuns::group(const std::string& variant, const std::string& split,
                                 const std::string& method) const {
  static const RunGroup none;
  const auto found = groups_.find({variant, split, method});
  return found == groups_.end() ? none : found->second;
}

bool StudyRuns::planned(const std::string& variant, const std::string& split) const {
  const auto asked = [&](const StudyRun& run) {
    return run.variant == variant && (split.empty() || run.split == split);
  };
  return std::any_of(study_->plan.runs.begin(), study_->plan.runs.end(), asked) ||
         std::any_of(study_->results.begin(), study_->results.end(),
                     [&](const StudyResult& result) { return asked(result.run); });
}

std::optional<std::string> StudyRuns::absent(const std::string& variant) const {
  for (const StudyBase& base : study_->plan.absent)
    if (base.variant == variant) return base.absent;
  return {};
}

std::string StudyRuns::weights(const std::string& variant) const {
  for (const StudyRun& run : study_->plan.runs)
    if (run.variant == variant && !run.weights.empty())
      return run.weights.find(' ') == std::string::npos ? "MD5 " + run.weights : run.weights;
  return missing(variant, "group", method());
}

bool StudyRuns::in_colour(const std::string& variant, const std::string& method) const {
  const std::vector<StudyRun>& all = study_->plan.runs;
  return std::any_of(all.begin(), all.end(), [&](const StudyRun& run) {
    return run.variant == variant && run.method == method && run.colour != "grey";
  });
}

std::string StudyRuns::missing(const std::string& variant, const std::string& split, const std::string& method) const {
  if (const auto why = absent(variant)) return *why;
  const auto& runs = study_->plan.runs;
  if (std::any_of(runs.begin(), runs.end(), [&](const StudyRun& run) {
        return run.variant == variant && run.split == split && run.method == method;
      }))
    return "not run: not finished yet";
  if (planned(variant, split)) return "not run: trained alike by either method, see the other";
  const int section = split == "all" || !reported(4, variant) ? study::variant(variant).section : 4;
  if (std::none_of(runs.begin(), runs.end(), [&](const StudyRun& run) { return run.section == section; }))
    return join("not run: section ", section, " was not asked for", study_->plan.cuts.empty() ? "" : ", or cut");
  if (std::none_of(runs.begin(), runs.end(), [&](const StudyRun& run) { return run.split == split; }))
    return "not run: this split was not asked for";
  return study_->plan.cuts.empty() ? "not run: not asked for" : "not run: not asked for, or cut for the budget";
}

std::vector<std::string> StudyRuns::rows(int section) const {
  std::vector<std::string> ids;
  for (const Variant& one : variants()) {
    const bool same = one.section == section || (section == 4 && reported(4, one.id));
    if (same && (section == 8 || reported(section, one.id) || planned(one.id))) ids.push_back(one.id);
  }
  return ids;
}

std::string StudyRuns::reference(int section) {
  if (section == 5 || section == 7) return "best";
  check(section == 6, "report", "sections 5, 6 and 7 have a reference. Got ", section, ".");
  std::vector<std::string> strengths;
  for (const Variant& one : variants())
    if (one.section == 5) strengths.push_back(one.id);
  return strengths.at(1);
}

std::string about_text(const std::string& id) {
  std::string text = variant(id).about;
  std::erase(text, '`');
  return text;
}

std::string split_name(const std::string& split) {
  if (split == "group") return "by person";
  return split == "all" ? "all pictures" : split;
}

std::string method_name(const std::string& method) { return method == "report" ? "the report's" : method; }

}  // namespace mien::expressions::study
