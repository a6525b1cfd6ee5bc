#include "variants.h"

#include <map>

#include "../networks.h"
#include "../recipe.h"
#include "../transfer_name.h"
#include "mien/core/nearest_name.h"
#include "mien/kernels/error.h"

namespace mien::expressions::study {
namespace {

/// Of section 5, with which section 6 trains: its second.
constexpr const char* strength_of_section_6 = "smaller";

/// Of the base that is pretrained on drawn faces.
constexpr double drawn_alpha = 0.35;
constexpr int drawn_size = 96;

/// Of section 7: the report's head behind a base.
TransferName transfer_of(const std::string& id, const std::string& method) {
  const bool drawn = id == drawn_variant;
  return {.base = drawn ? "mobilenet_v2" : id,
          .alpha = drawn ? drawn_alpha : 1,
          .input = method == "report" ? "unit" : "own",
          .head = "report"};
}

/// A pretrained base of the report.
Variant base(const std::string& id) {
  return {id, models::imagenet_facts(id).keras_name,
          join("Trained on ImageNet, frozen; by the sound method: ", describe_transfer(transfer_of(id, "sound")),
               " By the report's: on pixels / 255."),
          7};
}

const std::map<int, std::vector<std::string>>& table() {
  static const std::map<int, std::vector<std::string>> sections{
      {3, {"attempt_1", "attempt_2", "attempt_3", "best", "baseline", "overfit", "label_as_input"}},
      {4, {"attempt_1", "attempt_2", "attempt_3", "best"}},
      {5, {"augment_smallest", "augment_smaller", "augment_small", "augment_small_plain"}},
      {6, {"l2", "dropout", "batch_norm", "all_three"}},
      {7, {"inception_v3", "densenet121", "vgg16", "mobilenet_v2", "xception", "resnet50", drawn_variant}},
      {8, {recipe_variant}},
  };
  return sections;
}

}  // namespace

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all{
      {"attempt_1", "Attempt 1", describe_network("attempt_1"), 3},
      {"attempt_2", "Attempt 2", describe_network("attempt_2"), 3},
      {"attempt_3", "Attempt 3", describe_network("attempt_3"), 3},
      {"best", "Best", describe_network("best"), 3},
      {"baseline", "Notebook: baseline", describe_network("baseline"), 3},
      {"overfit", "Notebook: overfit", describe_network("overfit"), 3},
      {"label_as_input", "Notebook: label as input", describe_network("label_as_input"), 3},
      {"augment_smallest", "Smallest", "The best network; pictures changed by a quarter of the notebook's settings.",
       5},
      {"augment_smaller", "Smaller", "The best network; pictures changed by half of the notebook's settings.", 5},
      {"augment_small", "Small",
       "The best network; pictures changed by the notebook's settings, by the rules of Keras's ImageDataGenerator with "
       "their quirks.",
       5},
      {"augment_small_plain", "Small, plain rules",
       "The best network; the notebook's settings by rules whose directions and units are what a person expects. The "
       "report has two rows called small and does not tell them apart; this second one is ours.",
       5},
      {"l2", "L2 on the first convolution",
       "The best network with the second strength of augmentation and an L2 penalty on the first convolution: on its "
       "weights by the sound method, on its output by the report's.",
       6},
      {"dropout", "Dropout after the last max-pool",
       "The best network with the second strength of augmentation and dropout before the Dense layers.", 6},
      {"batch_norm", "Batch normalisation after the last convolution",
       "The best network with the second strength of augmentation and batch normalisation between the last "
       "convolution's ReLU and its max-pool.",
       6},
      {"all_three", "All three",
       "The best network with the second strength of augmentation, L2, dropout and batch normalisation.", 6},
      base("inception_v3"),
      base("densenet121"),
      base("vgg16"),
      base("mobilenet_v2"),
      base("xception"),
      base("resnet50"),
      {drawn_variant, "MobileNetV2, pretrained on drawn faces",
       join("Ours, not the report's: pretrained on faces that the program draws, not on ImageNet and on no photograph; "
            "pictures of at most ",
            drawn_size, " pixels. ", describe_transfer(transfer_of(drawn_variant, "unit"))),
       7},
      {recipe_variant, "Recipe",
       join(describe_network(recipe_named(best_recipe).network), " Trained by `--recipe best`: ",
            describe_tuning(recipe_named(best_recipe)), ". The same by either method."),
       8},
  };
  return all;
}

const Variant& variant(const std::string& id) {
  std::vector<std::string> ids;
  for (const Variant& one : variants()) {
    if (one.id == id) return one;
    ids.push_back(one.id);
  }
  fail("study", "there is no variant \"", id, "\". The nearest is \"", nearest_name(id, ids), "\".");
}

std::string recipe_of(const std::string& variant) { return variant == recipe_variant ? best_recipe : "report"; }

const std::vector<std::string>& variants_of_section(int section) {
  const auto found = table().find(section);
  check(found != table().end(), "study", "the sections with trainings are 3 to 8. Got ", section, ".");
  return found->second;
}

std::vector<int> sections() {
  std::vector<int> result;
  for (const auto& [section, ids] : table()) result.push_back(section);
  return result;
}

std::string section_title(int section) {
  switch (section) {
    case 3:
      return "Overfit models";
    case 4:
      return "Split and test";
    case 5:
      return "Augmentation";
    case 6:
      return "Regularisation";
    case 7:
      return "Pretrained architectures";
    case 8:
      return "A better recipe";
    default:
      return join("Section ", section);
  }
}

VariantTraining training_of(const std::string& id, const std::string& method) {
  const int section = variant(id).section;
  if (section == 3) return {id, "none"};
  if (section == 7) return {transfer_of(id, method).text(), "none", id == drawn_variant ? drawn_size : 0};
  if (section == 8) return {recipe_named(best_recipe).network, recipe_named(best_recipe).augment};
  if (section == 5) return {default_network, id.substr(std::string("augment_").size())};
  const bool penalises_output = method == "report" && (id == "l2" || id == "all_three");
  return {penalises_output ? id + "_activity" : id, strength_of_section_6};
}

}  // namespace mien::expressions::study
