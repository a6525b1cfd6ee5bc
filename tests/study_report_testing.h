// A study whose results are made up, so that every figure of its report can be worked out by hand.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>

#include "../examples/expressions/study/report.h"

namespace mien::testing {

namespace study = expressions::study;

/// Forty grey squares: five classes of eight people.
inline Dataset made_up_pictures() {
  LabelledImages all;
  std::vector<std::uint8_t> pixels;
  for (const char* name : {"angry", "astonish", "happy", "neutral", "sad"}) all.class_names.push_back(name);
  for (int label = 0; label < 5; ++label)
    for (int person = 0; person < 8; ++person) {
      all.labels.push_back(label);
      all.groups.push_back(std::to_string(person));
      const std::string& name = all.class_names[static_cast<std::size_t>(label)];
      all.names.push_back(name + "/" + name + "_g" + std::to_string(person) + "_00.png");
      for (int p = 0; p < 16 * 16; ++p) pixels.push_back(static_cast<std::uint8_t>(10 * label + 20 * person + p % 16));
    }
  all.images = Tensor::from(pixels, {40, 16, 16, 1});
  return Dataset(std::move(all));
}

/// What a made-up study is to hold.
struct MadeUp {
  int seeds = 2;
  std::vector<std::string> splits = {"random", "group"}, methods = {"sound"};
  /// Pictures of a test side (8 of each split, 40 of "all") that a variant takes for the next class; others: 2.
  std::map<std::string, int> wrong = {};
  std::map<std::string, double> loss = {};  ///< of seed 1, and twice as much of seed 2; others: 0.5
  std::vector<std::string> left_out = {};   ///< variants that are planned but were not run
  std::vector<std::string> only = {};       ///< variants that are planned; empty: all
};

inline study::StudyResult made_up_result(const study::StudyRun& run, const Dataset& data, int wrong, double loss) {
  study::StudyResult result;
  result.run = run;
  result.key = run.key();
  const Dataset side = study::sides_of(run, data).test;
  for (int i = 0; i < side.size(); ++i) {
    const std::int32_t label = side.label(i), taken = i < wrong ? (label + 1) % 5 : label;
    result.test.labels.push_back(label);
    result.test.predictions.push_back(taken);
    for (std::int32_t c = 0; c < 5; ++c) result.test.probabilities.push_back(c == taken ? 0.6f : 0.1f);
    result.names.push_back(side.name(i));
    result.groups.push_back(side.group(i));
  }
  result.loss = result.test.loss = loss;
  result.accuracy = result.test.accuracy = 1 - static_cast<double>(wrong) / side.size();
  const bool validated = run.split != "all";
  for (int epoch = 0; epoch < 3; ++epoch) {
    EpochRecord record;
    record.epoch = epoch, record.loss = 1.5 / (epoch + 1), record.accuracy = 0.3 * (epoch + 1);
    record.val_loss = validated ? 1.6 / (epoch + 1) : NAN;
    record.val_accuracy = validated ? 0.25 * (epoch + 1) : NAN;
    record.validated = validated;
    result.history.push_back(record);
  }
  result.scored_epoch = 2;
  result.stopped_because = "all 3 epochs are done";
  result.train_accuracy = 0.9;
  result.validation_loss = validated ? 0.5 : NAN;
  result.validation_accuracy = validated ? 0.75 : NAN;
  result.parameters = 1234;
  result.multiply_adds = 56789;
  result.activation_bytes = 2048;
  SummaryRow row;
  row.name = "dense", row.kind = "Dense", row.shape = {5}, row.parameters = 1234;
  result.summary.model = "made up";
  result.summary.rows = {row};
  result.summary.parameters = 1234;
  result.seconds = 6, result.seconds_per_epoch = 2, result.images_per_second = 100;
  return result;
}

inline study::Study made_up_study(const MadeUp& asked = {}) {
  study::Study made;
  made.data = made_up_pictures();
  made.plan.options.synthetic = true;
  made.plan.options.size = 16;
  made.plan.pictures = 40;
  made.plan.fingerprint = "0123456789abcdef";
  made.plan.people = 8;
  made.plan.class_names = made.data.class_names();
  const auto add = [&](const std::string& variant, int section, const std::string& split) {
    for (const std::string& method : asked.methods)
      for (int seed = 1; seed <= asked.seeds; ++seed) {
        study::StudyRun run;
        run.variant = variant, run.section = section, run.split = split, run.method = method;
        run.seed = static_cast<std::uint64_t>(seed);
        run.epochs = 3, run.patience = 3, run.size = 16;
        made.plan.runs.push_back(run);
        if (std::count(asked.left_out.begin(), asked.left_out.end(), variant)) continue;
        const auto wrong = asked.wrong.find(variant);
        const auto loss = asked.loss.find(variant);
        made.results.push_back(made_up_result(run, made.data, wrong == asked.wrong.end() ? 2 : wrong->second,
                                              seed * (loss == asked.loss.end() ? 0.5 : loss->second)));
      }
  };
  for (const study::Variant& one : study::variants()) {
    if (!asked.only.empty() && !std::count(asked.only.begin(), asked.only.end(), one.id)) continue;
    if (one.section == 3) add(one.id, 3, "all");
    for (const std::string& split : asked.splits) {
      const bool tested = one.id.rfind("attempt_", 0) == 0 || one.id == "best";
      if (one.section != 3 || tested) add(one.id, one.section == 3 ? 4 : one.section, split);
    }
  }
  made.surroundings = {"mien 0", "a machine", "2 threads", "2026-01-01 00:00 UTC", "2026-01-01 01:00 UTC"};
  return made;
}

/// A cell of a table by the text that its row begins with and the number of its column.
inline std::string cell(const DocumentTable& table, const std::string& row, std::size_t column) {
  for (const auto& cells : table.rows)
    if (cells[0].text == row) return cells.at(column).text;
  return "no row " + row;
}

}  // namespace mien::testing
