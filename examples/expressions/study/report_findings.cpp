// What the whole study shows, for the top of the page.
#include <algorithm>
#include <set>

#include "mien/core/numbers.h"
#include "mien/train/statistics.h"
#include "report_2021.h"
#include "report_sentences.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

std::string what_was_done(const StudyRuns& runs) {
  const Study& study = runs.study();
  std::set<std::string> networks, keys;
  std::set<std::uint64_t> seeds;
  for (const StudyResult& result : study.results) {
    keys.insert(result.key);
    networks.insert(result.run.variant);
    seeds.insert(result.run.seed);
  }
  const bool drawn = study.plan.options.synthetic;
  std::string text = join(counted(static_cast<std::int64_t>(keys.size()), "training", "trainings"), " of ",
                          counted(static_cast<std::int64_t>(networks.size()), "network", "networks"),
                          keys.size() == 1 ? " was" : " were", " run on ", grouped(study.data.size()),
                          drawn ? " drawn faces" : " photographs");
  if (study.plan.people > 0) text += join(" of ", grouped(study.plan.people), drawn ? " invented people" : " people");
  text +=
      join(", ", runs.any_run().size, " × ", runs.any_run().size, " pixels, ",
           seeds.size() == 1 ? "with one seed."
                             : join("with ", counted(static_cast<std::int64_t>(seeds.size()), "seed", "seeds"), "."));
  std::set<std::string> planned;
  for (const StudyRun& run : study.plan.runs) planned.insert(run.key());
  if (planned.size() > keys.size())
    text += join(" Planned were ", planned.size(), "; what is missing is marked \"not run\".");
  return capital(text);
}

std::string best_network(const StudyRuns& runs) {
  std::vector<std::string> parts;
  double chance = 0;
  bool guessing = true;
  for (const char* split : {"random", "group"}) {
    const RunGroup& group = runs.group("best", split);
    if (group.empty()) continue;
    parts.push_back(join("on ", accuracy_text(group.values(&StudyResult::accuracy)), " of the test pictures ",
                         split == std::string("group") ? "by person" : "with the random split"));
    chance = std::max(chance, chance_of(*group.runs[0]));
    for (const StudyResult* run : group.runs) guessing = guessing && at_chance(*run);
  }
  if (parts.empty()) return "";
  return join("The report's best network is right ", listed(parts), "; the report gives it ",
              percent(reported(4, "best")->accuracy), ", and always naming one class would be right on at most ",
              percent(chance), guessing ? ". None of these runs is shown to be better than that." : ".");
}

/// How many of a study's comparisons show a difference.
std::string how_many_shown(const StudyRuns& runs) {
  int all = 0, shown = 0;
  for (const int section : {4, 5, 6, 7, 8})
    for (const SplitComparison& one : comparisons_of(runs, section)) ++all, shown += one.result.shown;
  if (all == 0) return "";
  if (runs.seeds() < 2)
    return join("With one seed nothing can be said of a way of training, only of the ",
                all > 1 ? "networks" : "network", " at hand: no difference shown in any of ",
                counted(all, "comparison", "comparisons"), ".");
  if (shown == 0)
    return join(capital(counted(all, "comparison", "comparisons")),
                " of one way of training with another: no difference shown", all > 1 ? " in any." : ".");
  return join("Of ", counted(all, "comparison", "comparisons"), " of one way of training with another, ",
              shown == 1 ? "one shows a difference" : join(shown, " show a difference"),
              shown == all       ? "."
              : shown + 1 == all ? "; for the other one: no difference shown."
                                 : "; for the others: no difference shown.");
}

std::string best_of_all(const StudyRuns& runs, const std::string& id, const std::string& what) {
  std::vector<std::string> parts;
  for (const char* split : {"random", "group"})
    if (const RunGroup& group = runs.group(id, split); !group.empty())
      parts.push_back(join(accuracy_text(group.values(&StudyResult::accuracy)), " ",
                           split == std::string("group") ? "by person" : "with the random split"));
  return parts.empty() ? "" : join(what, ": ", listed(parts), ".");
}

}  // namespace

std::vector<std::string> findings(const StudyRuns& runs) {
  std::vector<std::string> said{what_was_done(runs)};
  const auto add = [&](const std::string& sentence) {
    if (!sentence.empty()) said.push_back(sentence);
  };
  if (const auto overfit = overfit_sentences(runs); overfit[0].rfind("Not run", 0) != 0) add(overfit[0]);
  add(best_network(runs));
  if (!runs.group("best", "random").empty() && !runs.group("best", "group").empty()) add(leak_worth(runs));
  if (const std::string best = best_of_sections(runs, {5, 6}); !best.empty())
    add(best_of_all(runs, best,
                    join("Of augmentation and regularisation, the highest mean accuracy is that of \"",
                         variant(best).title, "\", picked here by its test figures and so a little flattered")));
  if (const std::string best = best_of_sections(runs, {7}); !best.empty())
    add(best_of_all(runs, best,
                    join("Of the pretrained bases, the highest mean accuracy is that of \"", variant(best).title,
                         "\", picked here by its test figures and so a little flattered")));
  for (const std::string& id : runs.rows(8))
    add(best_of_all(runs, id, join("The recipe of section 8, \"", variant(id).title, "\"")));
  add(how_many_shown(runs));
  return said;
}

}  // namespace mien::expressions::study
