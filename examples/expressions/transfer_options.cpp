#include "transfer_options.h"

#include <algorithm>
#include <cmath>

#include "mien/core/device.h"

namespace mien::expressions {
namespace {

/// What --pretrain trains where nothing else is said: small enough for a processor.
constexpr const char* pretrained_base = "mobilenet_v2";
constexpr double pretrained_alpha = 0.35;
constexpr int pretrained_size = 96;

bool has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <class... Parts>
void need(bool rule, const Parts&... text) {
  if (!rule) throw UsageError(join(text...));
}

}  // namespace

void settle_transfer(TrainOptions& options, const std::vector<std::string>& given,
                     const std::vector<std::string>& named) {
  if (options.pretrain == "synthetic") {
    if (options.base.empty()) options.base = pretrained_base;
    if (!has(given, "alpha") && options.base == pretrained_base) options.alpha = pretrained_alpha;
    if (!has(given, "size")) options.size = pretrained_size;
  }
  if (!has_base(options)) return;
  need(!has(named, "network"), "[base] --base and --network exclude each other.");
  need(options.recipe == "report", "[recipe] the best recipe is for a network of its own. Got --base ", options.base,
       ".");
  if (!options.weights.empty())
    options.weights = std::filesystem::absolute(options.weights).lexically_normal().string();
  check_transfer_name(transfer_name_of(options));
  options.network = transfer_name_of(options).text();
}

void check_transfer_options(const TrainOptions& options) {
  need(options.pretrain == "none" || options.pretrain == "synthetic", "[pretrain] must be none or synthetic. Got \"",
       options.pretrain, "\".");
  if (!has_base(options)) {
    need(options.weights.empty(), "[weights] which network are they for? --base is missing.");
    need(options.views == 1, "[views] are of a base's features: --base is missing.");
    need(options.fine_tune == 0, "[fine-tune] is of a base's blocks: --base is missing.");
    return;
  }
  check_transfer_name(transfer_name_of(options));
  const models::ImageNetFacts& facts = models::imagenet_facts(options.base);
  const auto blocks = static_cast<int>(facts.blocks.size());
  need(options.pretrain == "synthetic" || !options.weights.empty(),
       "[weights] --weights is missing: the file with the base's weights. `expressions weights list` names those that "
       "Keras publishes; --pretrain synthetic does without.");
  need(options.pretrain == "none" || options.weights.empty(),
       "[pretrain] --pretrain and --weights exclude each other.");
  need(options.size >= facts.smallest_side, "[size] must be at least ", facts.smallest_side, " for ", options.base,
       ". Got ", options.size, ".");
  need(options.views >= 1 && options.views <= 1000, "[views] must lie in 1 ... 1000. Got ", options.views, ".");
  need(options.views == 1 || options.augment != "none",
       "[views] how are the further views changed? --augment is missing.");
  need(options.augment == "none" || options.views > 1 || options.fine_tune > 0,
       "[augment] a head sees changed pictures in further views: --views is missing.");
  need(options.fine_tune >= 0 && options.fine_tune <= blocks, "[fine-tune] ", options.base, " has ", blocks,
       " blocks. Got ", options.fine_tune, ".");
  need(options.fine_tune_epochs >= 1, "[fine-tune-epochs] must be at least 1. Got ", options.fine_tune_epochs, ".");
  need(options.fine_tune_rate > 0 && std::isfinite(options.fine_tune_rate), "[fine-tune-rate] must be above 0. Got ",
       options.fine_tune_rate, ".");
  need(options.pretrain_people >= 10 && options.pretrain_people <= 100000,
       "[pretrain-people] must lie in 10 ... 100000. Got ", options.pretrain_people, ".");
  need(options.pretrain_takes >= 1 && options.pretrain_takes <= 1000, "[pretrain-takes] must lie in 1 ... 1000. Got ",
       options.pretrain_takes, ".");
  need(options.pretrain_epochs >= 1, "[pretrain-epochs] must be at least 1. Got ", options.pretrain_epochs, ".");
}

TransferName transfer_name_of(const TrainOptions& options) {
  return {.base = options.base, .alpha = options.alpha, .input = options.base_input, .head = options.head};
}

TransferSetup transfer_setup_of(const TrainOptions& options) {
  const std::filesystem::path run = std::filesystem::absolute(options.out).lexically_normal();
  return {.cache = options.feature_cache.empty()
                       ? (run.has_filename() ? run : run.parent_path()).parent_path() / "features"
                       : std::filesystem::path(options.feature_cache),
          .views = options.views,
          .fine_tune = options.fine_tune,
          .fine_tune_epochs = options.fine_tune_epochs,
          .fine_tune_rate = options.fine_tune_rate};
}

Pretraining pretraining_of(const TrainOptions& options) {
  return {.people = options.pretrain_people,
          .takes = options.pretrain_takes,
          .size = options.size,
          .epochs = options.pretrain_epochs,
          .seed = options.seed,
          .device = parse_device(options.device)};
}

}  // namespace mien::expressions
