#include "report_tables.h"

#include <algorithm>
#include <set>

#include "mien/core/numbers.h"
#include "report_2021.h"
#include "report_sentences.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

using Row = std::vector<DocumentCell>;

const std::vector<std::string> both_splits{"random", "group"};

/// A row for each variant and method; `fill` appends what stands behind the variant's title.
template <class Fill>
void add_rows(DocumentTable& table, const StudyRuns& runs, const std::vector<std::string>& ids, const Fill& fill) {
  for (const std::string& id : ids)
    for (const std::string& method : runs.methods()) {
      Row row{{.text = variant(id).title, .link = "#model-" + id}};
      if (runs.two_methods()) row.push_back({.text = method_name(method)});
      fill(row, id, method);
      table.rows.push_back(row);
    }
}

/// The columns that name a row: the network, and the method where there are two.
void begin_head(DocumentTable& table, const StudyRuns& runs) {
  table.head = {"network"};
  if (runs.two_methods()) table.head.push_back("method");
  table.groups = {{"", static_cast<int>(table.head.size())}};
}

void add_columns(DocumentTable& table, const std::string& title, const std::vector<std::string>& columns) {
  table.head.insert(table.head.end(), columns.begin(), columns.end());
  table.groups.push_back({title, static_cast<int>(columns.size())});
}

/// A fact of the network, the same in all its runs.
DocumentCell parameters_cell(const StudyRuns& runs, const std::string& id, const std::string& method) {
  for (const char* split : {"all", "group", "random"})
    if (const RunGroup& group = runs.group(id, split, method); !group.empty())
      return {.text = grouped(group.runs[0]->parameters)};
  return {.text = runs.missing(id, "all", method)};
}

DocumentCell epochs_cell(const StudyRuns& runs, const std::string& id, const std::string& split,
                         const std::string& method) {
  const RunGroup& group = runs.group(id, split, method);
  std::vector<double> epochs;
  for (const StudyResult* run : group.runs) epochs.push_back(static_cast<double>(run->history.size()));
  if (epochs.empty()) return {.text = runs.missing(id, split, method)};
  return {.text = count_text(epochs)};
}

DocumentCell loss_of(const std::optional<ReportedRow>& row) {
  return {.text = row && !row->loss.empty() ? row->loss : "not in the report"};
}

DocumentCell accuracy_of(const std::optional<ReportedRow>& row) {
  return {.text = row ? percent(row->accuracy) : "not in the report"};
}

/// What the leak was worth: random minus by person, seed by seed.
DocumentCell leak_cell(const StudyRuns& runs, const std::string& id, const std::string& method) {
  const SeedPairs pairs = pair_by_seed(runs.group(id, "random", method), runs.group(id, "group", method));
  std::vector<double> differences;
  for (std::size_t i = 0; i < pairs.first.size(); ++i)
    differences.push_back(pairs.first[i]->accuracy - pairs.second[i]->accuracy);
  if (differences.empty()) return {.text = "not known: needs both splits"};
  return {.text = points_text(differences)};
}

/// Loss and accuracy by both splits.
void add_scores(Row& row, const StudyRuns& runs, const std::string& id, const std::string& method) {
  for (const std::string& split : both_splits) {
    row.push_back(loss_cell(runs, id, split, method));
    row.push_back(accuracy_cell(runs, id, split, method));
  }
}

}  // namespace

DocumentTable overfit_table(const StudyRuns& runs) {
  DocumentTable table{.id = "table-2",
                      .caption = "Overfit on purpose: the report's four networks, trained and scored on all pictures",
                      .label = "Table 2"};
  begin_head(table, runs);
  add_columns(table, "report, 2021", {"loss", "accuracy"});
  add_columns(table, "ours", {"loss", "accuracy", "epochs", "parameters"});
  std::vector<std::string> ids;
  for (const ReportedRow& row : reported_rows(3)) ids.push_back(row.variant);
  add_rows(table, runs, ids, [&](Row& row, const std::string& id, const std::string& method) {
    row.insert(row.end(), {loss_of(reported(3, id)), accuracy_of(reported(3, id)), loss_cell(runs, id, "all", method),
                           accuracy_cell(runs, id, "all", method), epochs_cell(runs, id, "all", method),
                           parameters_cell(runs, id, method)});
  });
  table.note = why_they_differ(runs, 3);
  return table;
}

DocumentTable notebook_table(const StudyRuns& runs) {
  DocumentTable table{.id = "table-2-notebook",
                      .caption = "Three earlier networks, from the authors' notebook, on all pictures",
                      .label = "Table 2, continued"};
  begin_head(table, runs);
  add_columns(table, "notebook, at 256 × 256", {"parameters", "accuracy"});
  add_columns(table, "ours", {"parameters", "loss", "accuracy", "epochs"});
  const std::vector<std::vector<std::string>> known{{"baseline", "44,243", "20 % (chance)"},
                                                    {"overfit", "1,074,237", "not on record"},
                                                    {"label_as_input", "1,638,500", "not on record"}};
  for (const auto& row : known)
    add_rows(table, runs, {row[0]}, [&](Row& cells, const std::string& id, const std::string& method) {
      cells.insert(cells.end(), {{.text = row[1]},
                                 {.text = row[2]},
                                 parameters_cell(runs, id, method),
                                 loss_cell(runs, id, "all", method),
                                 accuracy_cell(runs, id, "all", method),
                                 epochs_cell(runs, id, "all", method)});
    });
  table.note = size_remark(runs);
  return table;
}

DocumentTable test_table(const StudyRuns& runs) {
  DocumentTable table{.id = "table-4", .caption = "Accuracy on the test side, by both splits", .label = "Table 4"};
  begin_head(table, runs);
  add_columns(table, "report, 2021", {"accuracy"});
  add_columns(table, "ours, random split", {"loss", "accuracy"});
  add_columns(table, "ours, by person", {"loss", "accuracy"});
  add_columns(table, "", {"what the leak was worth"});
  add_rows(table, runs, runs.rows(4), [&](Row& row, const std::string& id, const std::string& method) {
    row.push_back(accuracy_of(reported_test(id)));
    add_scores(row, runs, id, method);
    row.push_back(leak_cell(runs, id, method));
  });
  table.note = why_they_differ(runs, 4);
  return table;
}

DocumentTable section_table(const StudyRuns& runs, int section) {
  const bool augmentation = section == 5;
  DocumentTable table{
      .id = join("table-", section),
      .caption = augmentation ? "The best network, trained on changed pictures" : "The best network, regularised",
      .label = join("Table ", section)};
  begin_head(table, runs);
  table.head[0] = augmentation ? "strength" : "regularisation";
  add_columns(table, "report, 2021", {"loss", "accuracy"});
  add_columns(table, "ours, random split", {"loss", "accuracy"});
  add_columns(table, "ours, by person", {"loss", "accuracy"});
  const auto fill = [&](Row& row, const std::string& id, const std::string& method) {
    row.push_back(loss_of(reported_test(id)));
    row.push_back(accuracy_of(reported_test(id)));
    add_scores(row, runs, id, method);
  };
  const std::string reference = StudyRuns::reference(section);
  add_rows(table, runs, {reference}, fill);
  for (Row& row : table.rows)
    row[0].text =
        augmentation ? "None (" + row[0].text + " of section 4)" : "None (strength " + row[0].text + " of section 5)";
  add_rows(table, runs, runs.rows(section), fill);
  table.note = why_they_differ(runs, section);
  return table;
}

DocumentTable pretrained_table(const StudyRuns& runs) {
  DocumentTable table{.id = "table-7",
                      .caption = "Pretrained bases, frozen, with the report's head: Flatten, Dense 256, Dense 5",
                      .label = "Table 7"};
  begin_head(table, runs);
  table.head[0] = "base";
  add_columns(table, "report, 2021", {"loss", "accuracy"});
  add_columns(table, "ours, random split", {"loss", "accuracy"});
  add_columns(table, "ours, by person", {"loss", "accuracy"});
  add_columns(table, "", {"pixels", "weights"});
  add_rows(table, runs, runs.rows(7), [&](Row& row, const std::string& id, const std::string& method) {
    row.push_back(loss_of(reported_test(id)));
    row.push_back(accuracy_of(reported_test(id)));
    const auto absent = runs.absent(id);
    if (absent)
      row.resize(row.size() + 4, {.text = "not run: no weights"});
    else
      add_scores(row, runs, id, method);
    row.push_back({.text = method == "report"           ? "/ 255"
                           : runs.in_colour(id, method) ? "as the weights expect, in colour"
                                                        : "as the weights expect"});
    row.push_back({.text = absent ? *absent : runs.weights(id)});
  });
  table.note = why_they_differ(runs, 7);
  return table;
}

DocumentTable recipe_table(const StudyRuns& runs) {
  DocumentTable table{.id = "table-8", .caption = "The recipe beside the report's network", .label = "Table 8"};
  begin_head(table, runs);
  add_columns(table, "report, 2021", {"accuracy"});
  add_columns(table, "ours, random split", {"loss", "accuracy"});
  add_columns(table, "ours, by person", {"loss", "accuracy"});
  add_columns(table, "", {"parameters"});
  std::vector<std::string> ids{"best"};
  if (const std::string id = best_of_sections(runs, {5, 6}); !id.empty()) ids.push_back(id);
  const std::vector<std::string> recipes = runs.rows(8);
  ids.insert(ids.end(), recipes.begin(), recipes.end());
  add_rows(table, runs, ids, [&](Row& row, const std::string& id, const std::string& method) {
    row.push_back(accuracy_of(reported_test(id)));
    add_scores(row, runs, id, method);
    row.push_back(parameters_cell(runs, id, method));
  });
  if (recipes.empty()) {
    Row row{{.text = "Recipe"}};
    row.resize(table.head.size(), {.text = "not run: not asked for"});
    table.rows.push_back(row);
  }
  table.note = why_they_differ(runs, 8);
  return table;
}

DocumentTable runs_table(const StudyRuns& runs, const std::string& id) {
  DocumentTable table{.id = "table-runs", .caption = "Every run", .label = "Table R"};
  table.head = {"run",
                "network",
                "split",
                "method",
                "seed",
                "epochs",
                "scored epoch",
                "loss",
                "accuracy",
                "training accuracy",
                "validation loss",
                "validation accuracy",
                "stopped because"};
  std::set<std::string> shown;
  for (const StudyResult& run : runs.study().results) {
    if (!id.empty() && run.run.variant != id) continue;
    if (!shown.insert(run.key).second) continue;
    const bool validated = run.run.split != "all";
    table.rows.push_back({{.text = run.key, .link = run_link(run)},
                          {.text = variant(run.run.variant).title},
                          {.text = split_name(run.run.split)},
                          {.text = method_name(run.run.method)},
                          {.text = join(run.run.seed)},
                          {.text = join(run.history.size())},
                          {.text = join(run.scored_epoch + 1)},
                          {.text = loss_text(run.loss), .data = shortest(run.loss)},
                          {.text = percent(run.accuracy), .data = shortest(run.accuracy)},
                          {.text = percent(run.train_accuracy), .data = shortest(run.train_accuracy)},
                          {.text = validated ? loss_text(run.validation_loss) : "no validation side"},
                          {.text = validated ? percent(run.validation_accuracy) : "no validation side"},
                          {.text = run.stopped_because}});
  }
  if (table.rows.empty()) table.rows.emplace_back(table.head.size(), DocumentCell{.text = "not run"});
  return table;
}

DocumentTable timings_table(const StudyRuns& runs) {
  DocumentTable table{.id = "table-timings", .caption = "Where the time went", .label = "Table T"};
  table.head = {"network", "runs", "epochs", "time", "time an epoch", "images/s"};
  double all = 0;
  std::int64_t count = 0, epochs = 0;
  std::set<std::string> seen;
  for (const Variant& one : variants()) {
    double seconds = 0, images = 0;
    int own = 0;
    std::int64_t own_epochs = 0;
    for (const StudyResult& run : runs.study().results) {
      if (run.run.variant != one.id || !seen.insert(run.key).second) continue;
      seconds += run.seconds, images += run.images_per_second;
      own += 1, own_epochs += static_cast<std::int64_t>(run.history.size());
    }
    if (own == 0) continue;
    table.rows.push_back({{.text = one.title, .link = "#model-" + one.id},
                          {.text = grouped(own)},
                          {.text = grouped(own_epochs)},
                          {.text = duration(seconds)},
                          {.text = duration(seconds / static_cast<double>(std::max<std::int64_t>(1, own_epochs)))},
                          {.text = fixed(images / own, 0)}});
    all += seconds, count += own, epochs += own_epochs;
  }
  table.rows.push_back({{.text = "all", .strong = true},
                        {.text = grouped(count)},
                        {.text = grouped(epochs)},
                        {.text = duration(all)},
                        {.text = duration(all / static_cast<double>(std::max<std::int64_t>(1, epochs)))},
                        {.text = "–"}});
  return table;
}

}  // namespace mien::expressions::study
