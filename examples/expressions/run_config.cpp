#include "run_config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "augmentation.h"
#include "mien/core/device.h"
#include "mien/core/nearest_name.h"
#include "mien/core/numbers.h"
#include "mien/io/file.h"
#include "networks.h"
#include "recipe.h"
#include "transfer_options.h"

namespace mien::expressions {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// Option names have dashes, JSON keys underscores.
std::string key_of(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Json parsed(const fs::path& file) {
  const Json json = Json::parse(read_file(file, 1 << 20), nullptr, false);
  check(!json.is_discarded() && json.is_object(), file.string(), "this is no JSON object.");
  return json;
}

[[noreturn]] void reject(const fs::path& file, const std::string& key, const char* wanted, const Json& value) {
  throw UsageError(join("[", file.string(), "] \"", key, "\" must be ", wanted, ". Got ", value.dump(), "."));
}

void take(std::string& field, const Json& value, const fs::path& file, const std::string& key) {
  if (!value.is_string()) reject(file, key, "a text", value);
  field = value.get<std::string>();
}
void take(double& field, const Json& value, const fs::path& file, const std::string& key) {
  if (!value.is_number()) reject(file, key, "a number", value);
  field = value.get<double>();
}
void take(std::uint64_t& field, const Json& value, const fs::path& file, const std::string& key) {
  if (!value.is_number_unsigned()) reject(file, key, "a whole number from 0", value);
  field = value.get<std::uint64_t>();
}
void take(int& field, const Json& value, const fs::path& file, const std::string& key) {
  if (!value.is_number_integer() || value.get<std::int64_t>() != static_cast<int>(value.get<std::int64_t>()))
    reject(file, key, "a whole number", value);
  field = value.get<int>();
}

}  // namespace

void write_config(const fs::path& run, const RunConfig& config) {
  Json options;
  TrainOptions copy = config.options;
  copy.visit([&](const std::string& name, auto& field, const std::string&) { options[key_of(name)] = field; });
  const Json json{{"command", config.command},
                  {"options", options},
                  {"data", config.data},
                  {"people_drawn", config.people},
                  {"takes_drawn", config.takes},
                  {"pictures", config.pictures},
                  {"fingerprint", config.fingerprint},
                  {"weights_md5", config.weights_md5},
                  {"version", config.version},
                  {"machine", config.machine},
                  {"threads", config.threads},
                  {"started", config.started}};
  write_file_atomically(run / "config.json", json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

RunConfig read_config(const fs::path& run) {
  const fs::path file = run / "config.json";
  check(fs::exists(file), run.string(), "this is no run folder: it has no config.json.");
  const Json json = parsed(file);
  RunConfig config;
  const auto read = [&](const char* key, auto& field) {
    check(json.contains(key), file.string(), "\"", key, "\" is missing.");
    take(field, json[key], file, key);
  };
  read("command", config.command), read("data", config.data), read("fingerprint", config.fingerprint);
  read("version", config.version), read("machine", config.machine), read("threads", config.threads);
  read("started", config.started);
  read("people_drawn", config.people), read("takes_drawn", config.takes), read("pictures", config.pictures);
  if (json.contains("weights_md5")) read("weights_md5", config.weights_md5);  // absent in runs of before
  config.options.colour = "grey";                                             // what runs of before read
  apply_config(config.options, file, {});
  return config;
}

std::vector<std::string> apply_config(TrainOptions& options, const fs::path& file,
                                      const std::vector<std::string>& given) {
  const Json whole = parsed(file);
  const Json& json = whole.contains("options") && whole["options"].is_object() ? whole["options"] : whole;
  std::vector<std::string> keys, names;
  options.visit([&](const std::string& name, auto& field, const std::string&) {
    keys.push_back(key_of(name));
    if (json.contains(keys.back())) names.push_back(name);
    const bool is_given = std::find(given.begin(), given.end(), name) != given.end();
    if (json.contains(keys.back()) && !is_given) take(field, json[keys.back()], file, keys.back());
  });
  for (const auto& [key, value] : json.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      throw UsageError(join("[", file.string(), "] there is no option \"", key, "\". The nearest is \"",
                            nearest_name(key, keys), "\"."));
  return names;
}

std::vector<double> three_numbers(const std::string& text, const char* option) {
  std::vector<double> numbers;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto number = parse_number(text.substr(begin, end - begin));
    if (!number || !std::isfinite(*number) || *number < 0) break;
    numbers.push_back(*number);
    begin = end + 1;
  }
  if (numbers.size() != 3 || std::count(text.begin(), text.end(), ',') != 2)
    throw UsageError(join("[", option, "] three numbers from 0 with commas between are expected. Got \"", text, "\"."));
  return numbers;
}

void check_options(const TrainOptions& options) {
  const auto need = [](bool rule, const auto&... text) {
    if (!rule) throw UsageError(join(text...));
  };
  need(options.split == "random" || options.split == "group", "[split] must be random or group. Got \"", options.split,
       "\".");
  need(options.framing == "centre" || options.framing == "whole", "[framing] must be centre or whole. Got \"",
       options.framing, "\".");
  need(options.colour == "auto" || options.colour == "grey" || options.colour == "rgb",
       "[colour] must be auto, grey or rgb. Got \"", options.colour, "\".");
  three_numbers(options.shares, "shares");
  if (!options.counts.empty())
    for (double count : three_numbers(options.counts, "counts"))
      need(count == std::floor(count) && count < 1e9, "[counts] must be whole numbers. Got \"", options.counts, "\".");
  need(options.size >= 32 && options.size <= 4096,
       "[size] must lie in 32 ... 4096: five times the network halves it. Got ", options.size, ".");
  need(options.epochs >= 1, "[epochs] must be at least 1. Got ", options.epochs, ".");
  need(options.patience >= 0, "[patience] must be at least 0. Got ", options.patience, ".");
  need(options.batch >= 1, "[batch] must be at least 1. Got ", options.batch, ".");
  need(options.learning_rate > 0 && std::isfinite(options.learning_rate), "[learning-rate] must be above 0. Got ",
       options.learning_rate, ".");
  need(options.schedule == "constant" || options.schedule == "cosine", "[schedule] must be constant or cosine. Got \"",
       options.schedule, "\".");
  need(options.weight_decay >= 0 && std::isfinite(options.weight_decay), "[weight-decay] must be at least 0. Got ",
       options.weight_decay, ".");
  need(options.label_smoothing >= 0 && options.label_smoothing < 1,
       "[label-smoothing] must be at least 0 and below 1. Got ", options.label_smoothing, ".");
  need(options.mixup >= 0 && std::isfinite(options.mixup), "[mixup] must be at least 0. Got ", options.mixup, ".");
  need(options.flips == "on" || options.flips == "off", "[flips] must be on or off. Got \"", options.flips, "\".");
  need(options.keep == "best" || options.keep == "last", "[keep] must be best or last. Got \"", options.keep, "\".");
  recipe_named(options.recipe);
  augmentation_of(options.augment);
  check_transfer_options(options);
  need(is_network(options.network), "[network] must be one of ", network_list(), ". Got \"", options.network,
       "\". The nearest is \"", nearest_name(options.network, network_names()), "\".");
  try {
    parse_device(options.device);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

}  // namespace mien::expressions
