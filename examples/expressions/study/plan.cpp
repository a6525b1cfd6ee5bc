#include "plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "../classifier.h"
#include "../recipe.h"
#include "mien/core/numbers.h"
#include "variants.h"

namespace mien::expressions::study {
namespace {

/// Section 3 trains on everything, as the report: so many epochs at most, and patience of our own.
constexpr int section_3_epochs = 25, section_3_patience = 5;
/// Seeds that a budget picks at most where the user names no number.
constexpr int most_seeds = 5;
constexpr double train_share = 0.6, validation_share = 0.2;
/// Of a budget, what the trainings may take at most; the rest is for reading and drawing.
constexpr double usable_share = 0.95;
constexpr const char* automatic_budget = "45m";

/// What is varied to fit a budget.
struct Extent {
  int seeds;
  double epochs;  ///< share of those asked for
  std::string split, method;
  std::vector<int> sections;
};

std::vector<std::string> both(const std::string& choice, const char* first, const char* second) {
  if (choice == "both") return {first, second};
  return {choice};
}

int scaled(int count, double share, int least) {
  return std::min(count, std::max(least, static_cast<int>(std::lround(count * share))));
}

double seconds_of(const StudyRun& run, int pictures, const Speed& speed) {
  const bool all = run.split == "all";
  const double trained = all ? pictures : pictures * train_share, validated = all ? 0 : pictures * validation_share;
  return run.epochs * (trained * speed.per_training_picture + validated * speed.per_scored_picture + speed.per_epoch) +
         pictures * speed.per_scored_picture;
}

/// What the weights of a variant's base are; "" where it has none.
std::string weights_of(const std::vector<StudyBase>& bases, const std::string& id) {
  for (const StudyBase& base : bases)
    if (base.variant == id) return base.weights;
  return "";
}

std::vector<StudyRun> runs_of(const StudyOptions& options, const Extent& extent, const StudyPictures& pictures,
                              const std::vector<StudyBase>& bases) {
  std::vector<StudyRun> runs;
  for (int section : extent.sections) {
    const bool overfits = section == 3, by_recipe = section == 8;
    const TrainOptions recipe = recipe_named(best_recipe);
    const int most = by_recipe ? recipe.epochs : overfits ? section_3_epochs : options.epochs;
    const int epochs = std::min(most, options.epochs);
    const int patience = by_recipe  ? epochs  // its schedule runs to the end
                         : overfits ? std::min(section_3_patience, options.patience)
                                    : options.patience;
    std::vector<std::string> methods = both(extent.method, "sound", "report");
    if (by_recipe) methods.resize(1);  // it is trained alike by either
    for (const std::string& method : methods)
      for (const std::string& split :
           overfits ? std::vector<std::string>{"all"} : both(extent.split, "random", "group"))
        for (const std::string& id : variants_of_section(section))
          for (int seed = 1; seed <= extent.seeds; ++seed) {
            const VariantTraining training = training_of(id, method);
            const std::string weights = weights_of(bases, id);
            if (section == 7 && weights.empty()) continue;
            runs.push_back(
                {.variant = id,
                 .section = section,
                 .split = split,
                 .method = method,
                 .seed = static_cast<std::uint64_t>(seed),
                 .epochs = scaled(epochs, extent.epochs, 2),
                 .patience = scaled(patience, extent.epochs, 2),
                 .batch = by_recipe ? recipe.batch : options.batch,
                 .size = training.largest_size > 0 ? std::min(options.size, training.largest_size) : options.size,
                 .framing = options.framing,
                 .augment = training.augment,
                 .network = training.network,
                 .tuning = describe_tuning(recipe_named(recipe_of(id))),
                 .fingerprint = pictures.fingerprint,
                 .weights = weights,
                 .colour = section == 7 && method == "sound" && pictures.in_colour ? "rgb" : "grey"});
          }
  }
  return runs;
}

/// All extents from the fullest down, in the order of their worth.
std::vector<Extent> extents(const Extent& full) {
  std::vector<Extent> all;
  const int few = std::min(full.seeds, 2);
  Extent next = full;
  for (next.seeds = full.seeds; next.seeds >= few; --next.seeds) all.push_back(next);
  next.seeds = few;
  for (double share : {0.9, 0.8, 0.7, 0.6, 0.5}) next.epochs = share, all.push_back(next);
  next.seeds = 1;
  for (double share : {1.0, 0.8, 0.6, 0.5, 0.25, 0.125}) next.epochs = share, all.push_back(next);
  if (full.method == "both") next.method = "sound", all.push_back(next);
  if (full.split == "both") next.split = "group", all.push_back(next);
  while (next.sections.size() > 1) next.sections.pop_back(), all.push_back(next);
  return all;
}

std::string list_of(const std::vector<int>& sections, const char* between = ", ") {
  std::string text;
  for (int section : sections) text += join(text.empty() ? "" : between, section);
  return text;
}

/// What an extent lacks of the one asked for, a sentence each.
std::vector<std::string> cuts_of(const StudyOptions& options, const Extent& asked, const Extent& taken) {
  std::vector<std::string> cuts;
  if (taken.seeds < asked.seeds)
    cuts.push_back(join("Seeds of each kind of training: ", taken.seeds, " instead of ", asked.seeds, "."));
  if (taken.epochs < asked.epochs)
    cuts.push_back(join("Epochs at most: ", scaled(options.epochs, taken.epochs, 2), " instead of ", options.epochs,
                        ", with a patience of ", scaled(options.patience, taken.epochs, 2), " instead of ",
                        options.patience,
                        "; section 3: ", scaled(std::min(section_3_epochs, options.epochs), taken.epochs, 2),
                        " instead of ", std::min(section_3_epochs, options.epochs), "."));
  if (taken.method != asked.method) cuts.push_back("The report's method is left out.");
  if (taken.split != asked.split) cuts.push_back("The random split is left out.");
  if (taken.sections != asked.sections)
    cuts.push_back(
        join("Of the sections ", list_of(asked.sections), " only ", list_of(taken.sections), " are trained."));
  return cuts;
}

}  // namespace

std::string canonical_json(const StudyRun& run) {
  nlohmann::ordered_json json{{"variant", run.variant},
                              {"network", run.network},
                              {"augment", run.augment},
                              {"tuning", run.tuning},
                              {"split", run.split},
                              {"method", run.method},
                              {"seed", run.seed},
                              {"epochs", run.epochs},
                              {"patience", run.patience},
                              {"batch", run.batch},
                              {"size", run.size},
                              {"framing", run.framing},
                              {"fingerprint", run.fingerprint}};
  if (!run.weights.empty()) json["weights"] = run.weights;
  if (run.colour != "grey") json["colour"] = run.colour;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string StudyRun::key() const {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  for (char character : canonical_json(*this)) {
    hash ^= static_cast<unsigned char>(character);
    hash *= 0x100000001b3;
  }
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash >> shift & 15];
  return digits;
}

double budget_seconds(const std::string& text) {
  if (text == "none") return 0;
  double seconds = 0;
  std::string number;
  bool ends_in_unit = false;
  for (char character : text) {
    ends_in_unit = false;
    const double unit = character == 'h' ? 3600 : character == 'm' ? 60 : character == 's' ? 1 : 0;
    if (unit == 0) {
      number += character;
      continue;
    }
    const auto count = parse_number(number);
    if (!count || !(*count >= 0) || !std::isfinite(*count)) break;
    seconds += *count * unit;
    number.clear();
    ends_in_unit = true;
  }
  if (!ends_in_unit || !(seconds > 0))
    throw UsageError(join("[budget] must be a time such as 30m, 90s or 1h30m, or none. Got \"", text, "\"."));
  return seconds;
}

std::vector<int> chosen_sections(const std::string& text) {
  const std::vector<int> known = sections();
  if (text == "all") return known;
  std::vector<int> chosen;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto number = parse_integer(text.substr(begin, end - begin));
    if (!number || std::find(known.begin(), known.end(), *number) == known.end())
      throw UsageError(join("[sections] must be all or some of ", list_of(known), ". Got \"", text, "\"."));
    chosen.push_back(static_cast<int>(*number));
    begin = end + 1;
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

void check_options(const StudyOptions& options) {
  const auto need = [](bool rule, const auto&... text) {
    if (!rule) throw UsageError(join(text...));
  };
  const auto need_choice = [&](const char* option, const std::string& value, std::array<const char*, 3> choices) {
    need(std::find(choices.begin(), choices.end(), value) != choices.end(), "[", option, "] must be ", choices[0], ", ",
         choices[1], " or ", choices[2], ". Got \"", value, "\".");
  };
  need_choice("split", options.split, {"random", "group", "both"});
  need_choice("method", options.method, {"sound", "report", "both"});
  need(options.framing == "centre" || options.framing == "whole", "[framing] must be centre or whole. Got \"",
       options.framing, "\".");
  need(options.seeds >= 1 && options.seeds <= 1000, "[seeds] must lie in 1 ... 1000. Got ", options.seeds, ".");
  need(options.epochs >= 1, "[epochs] must be at least 1. Got ", options.epochs, ".");
  need(options.patience >= 0, "[patience] must be at least 0. Got ", options.patience, ".");
  need(options.batch >= 1, "[batch] must be at least 1. Got ", options.batch, ".");
  need(options.size >= 32 && options.size <= 4096,
       "[size] must lie in 32 ... 4096: five times the networks halve it. Got ", options.size, ".");
  need(options.pretrain == "none" || options.pretrain == "synthetic", "[pretrain] must be none or synthetic. Got \"",
       options.pretrain, "\".");
  need(options.pretrain_people >= 10 && options.pretrain_people <= 100000,
       "[pretrain-people] must lie in 10 ... 100000. Got ", options.pretrain_people, ".");
  need(options.pretrain_takes >= 1 && options.pretrain_takes <= 1000, "[pretrain-takes] must lie in 1 ... 1000. Got ",
       options.pretrain_takes, ".");
  need(options.pretrain_epochs >= 1, "[pretrain-epochs] must be at least 1. Got ", options.pretrain_epochs, ".");
  need(options.people >= 3, "[people] must be at least 3, one for each side. Got ", options.people, ".");
  need(options.takes >= 1, "[takes] must be at least 1. Got ", options.takes, ".");
  need(!(options.synthetic && !options.data.empty()), "[study] --data and --synthetic exclude each other.");
  if (options.budget != "auto") budget_seconds(options.budget);
  chosen_sections(options.sections);
}

StudyPlan plan_study(StudyOptions options, const std::vector<std::string>& named, const StudyPictures& pictures,
                     const SpeedOf& speed, const std::vector<StudyBase>& bases) {
  check_options(options);
  StudyPlan plan;
  options.out.clear(), options.plan.clear();
  options.dry_run = false;
  plan.asked = options;
  plan.pictures = pictures.count, plan.people = pictures.people;
  plan.class_names = pictures.class_names, plan.fingerprint = pictures.fingerprint;
  if (pictures.people == 0 && options.split != "random") {
    if (options.split == "group")
      throw UsageError(
          "[split] a split by group needs to know who is on which picture: names like happy_g007_02.png, "
          "--group-pattern or --groups-csv.");
    options.split = "random";
    plan.remarks.push_back("Nobody knows who is on which picture, so only the random split can be made.");
  }

  const auto names = [&](const char* option) { return std::find(named.begin(), named.end(), option) != named.end(); };
  const bool is_automatic = options.budget == "auto";
  if (is_automatic)
    options.budget =
        names("seeds") || names("method") || names("epochs") || names("patience") ? "none" : automatic_budget;
  const double limit = usable_share * budget_seconds(options.budget);
  for (const StudyBase& base : bases)
    if (base.weights.empty()) plan.absent.push_back(base);
  const Extent asked{options.seeds, 1, options.split, options.method, chosen_sections(options.sections)};
  Extent full = asked;
  if (limit > 0 && !is_automatic && !names("seeds")) full.seeds = std::max(most_seeds, options.seeds);
  double least = 0;
  for (const Extent& extent : extents(full)) {
    plan.runs = runs_of(options, extent, pictures, bases);
    plan.estimated_seconds.clear();
    least = 0;
    std::set<std::string> known;
    for (const StudyRun& run : plan.runs) {
      const Speed here = speed(run);
      plan.estimated_seconds.push_back(seconds_of(run, pictures.count, here));
      if (known.insert(run.network + run.weights).second)  // the other runs of a base find its features
        plan.estimated_seconds.back() += here.once + pictures.count * here.once_per_picture;
      least += plan.estimated_seconds.back();
    }
    if (plan.runs.empty()) {
      std::string why;
      for (const StudyBase& base : plan.absent) why += join("\n  ", variant(base.variant).title, ": ", base.absent);
      throw UsageError("[sections] there is nothing to train:" + why);
    }
    if (limit > 0 && least > limit) continue;
    plan.cuts = cuts_of(options, asked, extent);
    if (extent.seeds > asked.seeds)
      plan.remarks.push_back(join("The budget leaves room for ", extent.seeds, " seeds of each kind of training."));
    plan.options = options;
    plan.options.seeds = extent.seeds;
    plan.options.epochs = scaled(options.epochs, extent.epochs, 2);
    plan.options.patience = scaled(options.patience, extent.epochs, 2);
    plan.options.split = extent.split, plan.options.method = extent.method;
    if (extent.sections != asked.sections) plan.options.sections = list_of(extent.sections, ",");
    return plan;
  }
  throw UsageError(join("[budget] ", options.budget, " is too little: the smallest study takes ",
                        duration(std::ceil(least / usable_share)), " on this machine."));
}

Split sides_of(const StudyRun& run, const Dataset& data) {
  if (run.split == "all") return {.train = data, .validation = {}, .test = data};
  return split(
      data, {.train = train_share, .validation = validation_share, .by_group = run.split == "group", .seed = run.seed});
}

}  // namespace mien::expressions::study
