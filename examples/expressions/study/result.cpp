#include "result.h"

#include <map>

#include "../networks.h"
#include "json.h"
#include "mien/core/numbers.h"
#include "mien/io/csv.h"

namespace mien::expressions::study {
namespace fs = std::filesystem;
namespace {

void write_predictions(const fs::path& file, const StudyResult& result, const std::vector<std::string>& class_names) {
  std::vector<std::string> head{"file", "group", "label", "prediction"};
  head.insert(head.end(), class_names.begin(), class_names.end());
  std::string text = csv_line(head);
  for (std::size_t i = 0; i < result.test.labels.size(); ++i) {
    std::vector<std::string> row{result.names[i], result.groups.empty() ? "" : result.groups[i],
                                 class_names.at(static_cast<std::size_t>(result.test.labels[i])),
                                 class_names.at(static_cast<std::size_t>(result.test.predictions[i]))};
    for (std::size_t c = 0; c < class_names.size(); ++c)
      row.push_back(shortest(result.test.probabilities[i * class_names.size() + c]));
    text += csv_line(row);
  }
  write_file_atomically(file, text);
}

void read_predictions(const fs::path& file, StudyResult& result, const std::vector<std::string>& class_names) {
  const CsvTable table = read_csv(file);
  std::map<std::string, std::int32_t> number_of_class;
  for (const std::string& name : class_names)
    number_of_class.emplace(name, static_cast<std::int32_t>(number_of_class.size()));
  // The first four columns are ours; classes follow in order, whatever their names.
  check(table.columns().size() == 4 + class_names.size(), file.string(), "there must be ", 4 + class_names.size(),
        " columns. Got ", table.columns().size(), ".");
  const auto label_of = [&](std::size_t row, std::size_t column) {
    const auto found = number_of_class.find(table.row(row)[column]);
    if (found == number_of_class.end()) table.reject(row, "there is no class \"" + table.row(row)[column] + "\".");
    return found->second;
  };
  bool has_groups = false;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    result.names.push_back(table.row(row)[0]);
    result.groups.push_back(table.row(row)[1]);
    has_groups |= !result.groups.back().empty();
    result.test.labels.push_back(label_of(row, 2));
    result.test.predictions.push_back(label_of(row, 3));
    for (std::size_t c = 0; c < class_names.size(); ++c)
      result.test.probabilities.push_back(static_cast<float>(table.number(row, 4 + c)));
  }
  if (!has_groups) result.groups.clear();
}

/// history.csv and, beside it, timings.csv.
std::vector<EpochRecord> read_history(const fs::path& folder) {
  const CsvTable history = read_csv(folder / "history.csv"), timings = read_csv(folder / "timings.csv");
  std::vector<EpochRecord> records;
  for (std::size_t row = 0; row < history.rows(); ++row) {
    const auto figure = [&](const char* name) { return history.number(row, history.column(name)); };
    EpochRecord record{static_cast<int>(row), figure("loss"),         figure("accuracy"),
                       figure("val_loss"),    figure("val_accuracy"), figure("learning_rate")};
    record.validated = std::isfinite(record.val_loss);
    if (row < timings.rows()) {
      record.seconds = timings.number(row, timings.column("seconds"));
      record.images_per_second = timings.number(row, timings.column("images_per_second"));
    }
    records.push_back(record);
  }
  return records;
}

/// Summaries are made once for each network and shape: the weights that come with them are not free.
const Summary& summary_of(const std::string& network, int size, int classes) {
  static std::map<std::string, Summary> known;
  const std::string key = join(network, ' ', size, ' ', classes);
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  return known.emplace(key, summarize(network_named(network, {size, size, takes_label(network) ? 2 : 1}, classes, 0)))
      .first->second;
}

}  // namespace

fs::path run_folder(const fs::path& study, const std::string& key) { return study / "runs" / key; }

bool is_finished(const fs::path& folder) { return fs::exists(folder / "result.json"); }

void write_result(const fs::path& folder, const StudyResult& result, const std::vector<std::string>& class_names) {
  write_predictions(folder / "predictions.csv", result, class_names);
  write_file_atomically(folder / "timing.json", text_of(Json{{"seconds", result.seconds}}));
  const Json json{{"key", result.key},
                  {"run", to_json(result.run)},
                  {"epochs", result.history.size()},
                  {"stopped_because", result.stopped_because},
                  {"scored_epoch", result.scored_epoch + 1},
                  {"loss", number_or_null(result.loss)},
                  {"accuracy", result.accuracy},
                  {"pictures", result.test.labels.size()},
                  {"validation_loss", number_or_null(result.validation_loss)},
                  {"validation_accuracy", number_or_null(result.validation_accuracy)},
                  {"validation_pictures", result.validation_count},
                  {"train_loss", number_or_null(result.train_loss)},
                  {"train_accuracy", result.train_accuracy},
                  {"train_pictures", result.train_count},
                  {"parameters", result.parameters},
                  {"multiply_adds", result.multiply_adds},
                  {"activation_bytes", result.activation_bytes}};
  write_file_atomically(folder / "result.json", text_of(json));
}

StudyResult read_result(const fs::path& folder, const StudyRun& run, const std::vector<std::string>& class_names) {
  StudyResult result = read_json(folder / "result.json", "the result of a training", [&](const Json& json) {
    StudyResult read;
    read.run = run_from(json.at("run"));
    read.run.section = run.section;
    check(read.run == run, folder.string(), "this is the result of another training: ", canonical_json(read.run), ".");
    json.at("key").get_to(read.key);
    json.at("stopped_because").get_to(read.stopped_because);
    read.scored_epoch = json.at("scored_epoch").get<int>() - 1;
    read.loss = number_of(json.at("loss")), read.accuracy = number_of(json.at("accuracy"));
    read.validation_loss = number_of(json.at("validation_loss"));
    read.validation_accuracy = number_of(json.at("validation_accuracy"));
    read.train_loss = number_of(json.at("train_loss")), read.train_accuracy = number_of(json.at("train_accuracy"));
    json.at("train_pictures").get_to(read.train_count);
    json.at("validation_pictures").get_to(read.validation_count);
    json.at("parameters").get_to(read.parameters), json.at("multiply_adds").get_to(read.multiply_adds);
    json.at("activation_bytes").get_to(read.activation_bytes);
    return read;
  });
  read_predictions(folder / "predictions.csv", result, class_names);
  result.test.loss = result.loss, result.test.accuracy = result.accuracy;
  result.history = read_history(folder);
  result.seconds = read_json(folder / "timing.json", "the timing of a training",
                             [](const Json& json) { return json.at("seconds").get<double>(); });
  for (const EpochRecord& epoch : result.history) {
    result.seconds_per_epoch += epoch.seconds / static_cast<double>(result.history.size());
    result.images_per_second += epoch.images_per_second / static_cast<double>(result.history.size());
  }
  result.summary = summary_of(run.network, run.size, static_cast<int>(class_names.size()));
  return result;
}

std::vector<StudyResult> read_results(const StudyPlan& plan, const fs::path& study) {
  std::vector<StudyResult> results;
  for (const StudyRun& run : plan.runs)
    if (is_finished(run_folder(study, run.key())))
      results.push_back(read_result(run_folder(study, run.key()), run, plan.class_names));
  return results;
}

}  // namespace mien::expressions::study
