#include "report_compare.h"

#include "mien/core/numbers.h"
#include "report_2021.h"
#include "report_sentences.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

/// Which variants a section compares: first and second of each pair.
std::vector<std::pair<std::string, std::string>> pairs_of(const StudyRuns& runs, int section) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (section == 4) {
    for (const std::string& id : runs.rows(4))
      if (id != "best") pairs.emplace_back("best", id);
  } else if (section == 8) {
    for (const std::string& id : runs.rows(8)) {
      pairs.emplace_back(id, "best");
      if (const std::string other = best_of_sections(runs, {5, 6}); !other.empty()) pairs.emplace_back(id, other);
    }
  } else {
    for (const std::string& id : runs.rows(section)) pairs.emplace_back(id, StudyRuns::reference(section));
  }
  return pairs;
}

ComparedRun compared(const StudyResult& result) { return {result.test.labels, result.test.predictions, result.groups}; }

/// In a few words: the figures stand beside it.
std::string verdict(const Comparison& result) {
  const std::string& better = result.difference < 0 ? result.second : result.first;
  if (result.shown) return better + " is better";
  if (result.networks_shown && result.runs == 1)
    return join("no difference shown by one run each: these two networks differ, ", better, " is ahead");
  return "no difference shown";
}

std::string p_text(double p) { return p < 0.001 ? "< 0.001" : fixed(p, 3); }

}  // namespace

std::vector<SplitComparison> comparisons_of(const StudyRuns& runs, int section) {
  std::vector<SplitComparison> all;
  std::vector<Comparison> results;
  for (const char* split : {"random", "group"})
    for (const auto& [first, second] : pairs_of(runs, section)) {
      const SeedPairs pairs = pair_by_seed(runs.group(first, split), runs.group(second, split));
      if (pairs.first.empty()) continue;
      ComparedVariant a{variant(first).title, {}}, b{variant(second).title, {}};
      SplitComparison one{.split = split, .result = {}, .differences = {}};
      for (std::size_t i = 0; i < pairs.first.size(); ++i) {
        a.runs.push_back(compared(*pairs.first[i]));
        b.runs.push_back(compared(*pairs.second[i]));
        one.differences.push_back(pairs.first[i]->accuracy - pairs.second[i]->accuracy);
      }
      results.push_back(compare(a, b));
      all.push_back(one);
    }
  correct_for_each_other(results);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].result = results[i];
  return all;
}

DocumentTable comparison_table(const StudyRuns& runs, int section) {
  DocumentTable table{.id = join("table-", section, "-comparisons"),
                      .caption = "Which differences are shown",
                      .label = join("Table ", section, ", compared")};
  table.head = {"split", "first", "second", "first less second", "95 % interval", "p", "p, corrected", "what it shows"};
  const std::vector<SplitComparison> all = comparisons_of(runs, section);
  for (const SplitComparison& one : all) {
    const Comparison& result = one.result;
    table.rows.push_back(
        {{.text = split_name(one.split)},
         {.text = result.first},
         {.text = result.second},
         {.text = points_text(one.differences)},
         {.text = join(fixed(100 * result.interval.low, 1), " to ", fixed(100 * result.interval.high, 1))},
         {.text = p_text(result.p)},
         {.text = p_text(result.adjusted_p)},
         {.text = verdict(result)}});
  }
  if (all.empty()) {
    table.rows.push_back({{.text = "not run: nothing to compare"}});
    table.rows.back().resize(table.head.size(), {.text = "not run"});
    return table;
  }
  table.note = join(
      "Both are tested on the same pictures, seed by seed. A difference of variants counts as shown where it holds "
      "over the people of the test sides and over the seeds",
      runs.seeds() > 1 ? "" : ", which takes more than one seed",
      "; p is that of the test that decides, corrected by Holm's method for the ", all.size(),
      all.size() == 1 ? " comparison" : " comparisons", " of this table.");
  return table;
}

}  // namespace mien::expressions::study
