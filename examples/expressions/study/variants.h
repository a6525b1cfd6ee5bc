// What the study compares: the report's models and what it tried on the best of them.
#pragma once

#include <string>
#include <vector>

namespace mien::expressions::study {

/// One kind of training, by a name for files, a title for tables, and a sentence for readers.
struct Variant {
  std::string id;
  std::string title;
  std::string about;  ///< what it is, and whose: the report's or ours
  int section;        ///< of the report, where it comes first
};

/// In the order of the report: section 3's seven networks, section 5's strengths of augmentation, section 6's changes.
const std::vector<Variant>& variants();
/// Throws Error, with the nearest name, for one that does not exist.
const Variant& variant(const std::string& id);

/// The variant of section 8, trained by `--recipe best`.
inline constexpr const char* recipe_variant = "recipe";
/// The recipe (recipe.h) that a variant is trained by.
std::string recipe_of(const std::string& variant);

/// The variant of section 7 whose base was pretrained on drawn faces.
inline constexpr const char* drawn_variant = "mobilenet_v2_drawn";

/// The variants that a section of the report trains, in the order of its table: 3 (overfit), 4 (split and test), 5
/// (augmentation), 6 (regularisation), 7 (pretrained bases), 8 (our recipe).
const std::vector<std::string>& variants_of_section(int section);

/// The sections that there are variants for.
std::vector<int> sections();
/// "Augmentation".
std::string section_title(int section);

/// What sets the trainings of a variant apart from each other's.
struct VariantTraining {
  std::string network;   ///< a name of networks.h
  std::string augment;   ///< a strength of augmentation.h
  int largest_size = 0;  ///< larger pictures are made as small as this; 0: they are taken as they are
};

/// By `method`, "sound" or "report": what the report calls L2 penalised the first convolution's output, the sound
/// method its weights; the report gave every pretrained base pixels / 255, the sound method gives each what its weights
/// expect.
VariantTraining training_of(const std::string& variant, const std::string& method);

}  // namespace mien::expressions::study
