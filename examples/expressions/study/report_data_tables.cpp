// The tables about pictures: how many there are, what normalisation does to them, who stands on which side. And the
// one about method.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "mien/core/numbers.h"
#include "mien/io/csv.h"
#include "report_2021.h"
#include "report_tables.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

using Row = std::vector<DocumentCell>;

std::set<std::string> people_of(const Dataset& side) {
  std::set<std::string> people;
  for (int i = 0; side.has_groups() && i < side.size(); ++i) people.insert(side.group(i));
  return people;
}

/// A side's pictures of a class, or of all where `label` is -1.
int pictures_of(const Dataset& side, int label) {
  if (label < 0) return side.size();
  const std::vector<int> counts = side.class_counts();
  return static_cast<std::size_t>(label) < counts.size() ? counts[static_cast<std::size_t>(label)] : 0;
}

/// The sides of the first planned run of a split; nothing where the split was not asked for.
std::optional<Split> sides_of_split(const StudyRuns& runs, const std::string& split) {
  for (const StudyRun& run : runs.study().plan.runs)
    if (run.split == split) return sides_of(run, runs.study().data);
  return {};
}

}  // namespace

int tested_and_trained_on(const Split& sides) {
  const std::set<std::string> trained = people_of(sides.train);
  int count = 0;
  for (int i = 0; sides.test.has_groups() && i < sides.test.size(); ++i)
    count += trained.count(sides.test.group(i)) > 0;
  return count;
}

std::string discarded_sentence(const Study& study) {
  const StudyOptions& options = study.plan.options;
  if (options.synthetic) return "None was discarded: drawn faces are all framed alike.";
  const std::filesystem::path file = std::filesystem::path(options.data) / "prepare.csv";
  if (!std::filesystem::exists(file))
    return "How many had been discarded before, as blurred or badly framed, is not recorded here; the command "
           "expressions prepare does that and keeps a list.";
  const CsvTable list = read_csv(file);
  const std::size_t outcome = list.column("outcome");
  std::map<std::string, int> counts;
  for (std::size_t row = 0; row < list.rows(); ++row) ++counts[list.row(row)[outcome]];
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts) parts.push_back(join(grouped(count), " ", name));
  return join("They were chosen by the command expressions prepare from ",
              grouped(static_cast<std::int64_t>(list.rows())), " files: ", listed(parts), ".");
}

DocumentTable class_table(const Study& study) {
  DocumentTable table{.id = "table-1", .caption = "The pictures: how many of each class", .label = "Table 1"};
  table.head = {"class", "pictures"};
  table.groups = {{"", 1}, {"report, 2021", 1}};
  const Dataset& data = study.data;
  table.groups.push_back({"ours", data.has_groups() ? 2 : 1});
  table.head.push_back("pictures");
  if (data.has_groups()) table.head.push_back("people");
  const std::vector<int> counts = data.class_counts();
  const int classes = data.class_count();
  for (int c = 0; c < classes; ++c) {
    Row row{{.text = data.class_names()[static_cast<std::size_t>(c)]},
            {.text = grouped(reported_pictures / 5)},
            {.text = grouped(counts[static_cast<std::size_t>(c)])}};
    if (data.has_groups()) {
      std::set<std::string> people;
      for (int i = 0; i < data.size(); ++i)
        if (data.label(i) == c) people.insert(data.group(i));
      row.push_back({.text = grouped(static_cast<std::int64_t>(people.size()))});
    }
    table.rows.push_back(row);
  }
  table.rows.push_back(
      {{.text = "all", .strong = true}, {.text = grouped(reported_pictures)}, {.text = grouped(data.size())}});
  if (data.has_groups())
    table.rows.back().push_back({.text = grouped(static_cast<std::int64_t>(people_of(data).size()))});
  table.note = data.has_groups()
                   ? "A person who shows several expressions counts once in each of their rows and once in the last. "
                     "How many people the report's pictures show is not on record."
                   : "Who is on which picture is not recorded. How many people the report's pictures show is not on "
                     "record either.";
  return table;
}

DocumentTable normalisation_table(const Study& study) {
  DocumentTable table{.id = "table-1-normalisation",
                      .caption = "Normalisation: all pixels before and after division by 255",
                      .label = "Table 1, continued"};
  table.head = {"pixels", "lowest", "highest", "mean", "standard deviation", "distance between neighbouring values"};
  const std::vector<std::int64_t> counts = pixel_counts(study.data);
  double count = 0, sum = 0, squares = 0;
  int low = 255, high = 0;
  for (int value = 0; value < 256; ++value) {
    const auto here = static_cast<double>(counts[static_cast<std::size_t>(value)]);
    if (here > 0) low = std::min(low, value), high = std::max(high, value);
    count += here, sum += here * value, squares += here * value * value;
  }
  const double mean = sum / count, deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
  table.rows = {{{.text = "before: Y"},
                 {.text = join(low)},
                 {.text = join(high)},
                 {.text = fixed(mean, 1)},
                 {.text = fixed(deviation, 1)},
                 {.text = "1"}},
                {{.text = "after: Y / 255"},
                 {.text = fixed(low / 255.0, 3)},
                 {.text = fixed(high / 255.0, 3)},
                 {.text = fixed(mean / 255, 3)},
                 {.text = fixed(deviation / 255, 3)},
                 {.text = fixed(1 / 255.0, 4)}}};
  return table;
}

std::vector<std::int64_t> pixel_counts(const Dataset& data) {
  std::vector<std::int64_t> counts(256);
  for (int i = 0; i < data.size(); ++i) {
    const std::uint8_t* pixels = data.pixels<std::uint8_t>(i);
    for (std::int64_t p = 0; p < data.image_shape().size(); ++p) ++counts[pixels[p]];
  }
  return counts;
}

DocumentTable split_table(const StudyRuns& runs) {
  DocumentTable table{.id = "table-3", .caption = "The three sides, by both splits", .label = "Table 3"};
  const std::vector<std::string> three{"training", "validation", "test"};
  table.head = {"class"};
  for (int i = 0; i < 3; ++i) table.head.insert(table.head.end(), three.begin(), three.end());
  table.groups = {{"", 1}, {"report, 2021", 3}, {"ours, random split", 3}, {"ours, by person", 3}};
  const std::vector<std::optional<Split>> both{sides_of_split(runs, "random"), sides_of_split(runs, "group")};
  const Dataset& data = runs.study().data;
  const std::string not_run = "not run: this split was not asked for";
  const auto add = [&](const std::string& name, const std::vector<std::string>& reported, const auto& figure) {
    Row row{{.text = name}};
    for (const std::string& one : reported) row.push_back({.text = one});
    for (const auto& sides : both)
      for (int side = 0; side < 3; ++side) row.push_back({.text = sides ? figure(*sides, side) : not_run});
    table.rows.push_back(row);
  };
  const auto side_of = [](const Split& sides, int side) -> const Dataset& {
    return side == 0 ? sides.train : side == 1 ? sides.validation : sides.test;
  };
  for (int c = 0; c < data.class_count(); ++c)
    add(data.class_names()[static_cast<std::size_t>(c)], {"120", "40", "40"},
        [&](const Split& sides, int side) { return grouped(pictures_of(side_of(sides, side), c)); });
  add("all", {"600", "200", "200"},
      [&](const Split& sides, int side) { return grouped(pictures_of(side_of(sides, side), -1)); });
  if (data.has_groups()) {
    const std::string unknown = "–";
    add("people", {unknown, unknown, unknown}, [&](const Split& sides, int side) {
      return grouped(static_cast<std::int64_t>(people_of(side_of(sides, side)).size()));
    });
    add("pictures of people who were trained on too", {"–", unknown, unknown}, [&](const Split& sides, int side) {
      if (side == 0) return std::string("–");
      return grouped(tested_and_trained_on({sides.train, {}, side_of(sides, side)}));
    });
  }
  table.note =
      join("The sides of seed ", runs.any_run().seed, runs.seeds() > 1 ? "; every seed divides anew. " : ". ",
           "By person, whole people are dealt out, so the counts come as close to what is wanted as people allow. Of "
           "the report's sides it is not on record who is on which.");
  return table;
}

DocumentTable methods_table(const StudyRuns& runs) {
  DocumentTable table{.id = "table-methods", .caption = "The two methods", .label = "Table M"};
  table.head = {"what", "the report's method", "sound method", "what it changes"};
  table.rows = {{{.text = "weights that are scored"},
                 {.text = "those of the last epoch"},
                 {.text = "those of the epoch with the lowest validation loss, restored"},
                 {.text = "the last epoch stands as many epochs behind the best one as the patience allows"}},
                {{.text = "\"L2\""},
                 {.text = "a penalty on the layer's outputs (activity regularizer)"},
                 {.text = "a penalty on the layer's weights (kernel regularizer)"},
                 {.text = "the first grows with the pictures' brightness and with the layer's size; only the second is "
                          "weight decay"}},
                {{.text = "pixels for a pretrained base"},
                 {.text = "pixels / 255"},
                 {.text = "as the base's weights expect them"},
                 {.text = "a frozen base makes poor features of pixels that it was not trained on"}},
                {{.text = "precision, recall and F1"},
                 {.text = "micro averages"},
                 {.text = "macro averages"},
                 {.text = "with one label a picture, micro averages all equal the accuracy and say nothing new"}}};
  std::vector<std::string> named;
  for (const std::string& method : runs.methods()) named.push_back(method_name(method));
  table.note = runs.two_methods()
                   ? "Both were run: the tables have a row for each, and sentences speak of the sound one."
                   : join("This study was run by ", named[0] == "sound" ? "the sound" : named[0],
                          " method; the other one was not run.");
  return table;
}

}  // namespace mien::expressions::study
