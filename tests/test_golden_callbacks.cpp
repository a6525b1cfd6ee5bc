// EarlyStopping and ReduceLROnPlateau against Keras's, fed the same figures: the callbacks of
// tests/golden/training.json.
#include <catch2/catch.hpp>
#include <optional>

#include "mien/tests/golden_config.h"
#include "mien/train/rules.h"

using namespace mien;
using nlohmann::json;
using test::Config;
using test::Coverage;

namespace {

/// One figure an epoch. Where it stands as null the epoch had none, and Keras does not count it.
std::vector<std::optional<double>> figures(const json& entry) {
  std::vector<std::optional<double>> values;
  for (const json& value : entry.at("values")) {
    if (value.is_null())
      values.emplace_back();
    else
      values.emplace_back(value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>());
  }
  return values;
}

/// What both callbacks have: the figure, and which way is better ("auto": accuracies want to rise).
template <class Options>
void read_shared(Config& config, Options& options) {
  config.read("monitor", options.monitor).read("patience", options.patience).read("min_delta", options.min_delta);
  std::string mode = "auto";
  config.read("mode", mode);
  if (mode == "auto") mode = options.monitor.find("acc") == std::string::npos ? "min" : "max";
  options.better = mode == "max" ? Better::high : Better::low;
}

/// Empty where the case was checked, else the setting that mien lacks.
std::string check_early_stopping(const json& entry) {
  Config config(entry.at("config"));
  EarlyStoppingOptions options;
  read_shared(config, options);
  config.read("restore_best_weights", options.restore_best).read("start_from_epoch", options.start_from_epoch);
  config.read("baseline", options.baseline);
  if (!config.rest().empty()) return config.rest();
  EarlyStoppingRule rule(options);
  int epochs_run = 0, stopped_epoch = 0, kept_epoch = 0;
  for (const std::optional<double> value : figures(entry)) {
    const int epoch = epochs_run++;
    if (!value) continue;
    const EarlyStoppingRule::Decision decision = rule.feed(epoch, *value);
    if (decision.keep_weights) kept_epoch = epoch;
    if (!decision.stop) continue;
    stopped_epoch = epoch;
    break;
  }
  CHECK(epochs_run == entry.at("epochs_run"));
  CHECK(stopped_epoch == entry.at("stopped_epoch"));
  CHECK(rule.best_epoch() == entry.at("best_epoch"));
  if (!entry.at("best").is_null()) CHECK(rule.best() == entry.at("best").get<double>());
  CHECK((options.restore_best && rule.fed() ? kept_epoch : epochs_run - 1) == entry.at("weights_of_epoch"));
  return "";
}

std::string check_plateau(const json& entry) {
  Config config(entry.at("config"));
  ReduceLROnPlateauOptions options;
  read_shared(config, options);
  config.read("factor", options.factor).read("cooldown", options.cooldown).read("min_lr", options.min_rate);
  if (!config.rest().empty()) return config.rest();
  PlateauRule rule(options);
  const std::vector<std::optional<double>> values = figures(entry);
  const std::vector<double> expected = entry.at("learning_rates");
  REQUIRE(values.size() == expected.size());
  double rate = entry.at("learning_rate");
  for (std::size_t epoch = 0; epoch < values.size(); ++epoch) {
    INFO("after epoch " << epoch);
    if (values[epoch]) rate = rule.feed(*values[epoch], rate);
    CHECK(static_cast<float>(rate) == static_cast<float>(expected[epoch]));
  }
  return "";
}

}  // namespace

TEST_CASE("golden callbacks: training stops and slows down when Keras's does") {
  const json index = test::golden_index("training.json");
  Coverage coverage;
  for (const json& entry : index.at("callbacks")) {
    INFO(entry.dump());
    const std::string kind = entry.at("callback");
    const std::string missing = kind == "EarlyStopping"       ? check_early_stopping(entry)
                                : kind == "ReduceLROnPlateau" ? check_plateau(entry)
                                                              : "no such callback";
    if (missing.empty())
      ++coverage.covered;
    else
      coverage.awaiting.push_back(kind + " (" + missing + ")");
  }
  coverage.print("golden callbacks");
  CHECK(coverage.covered > 0);
}
