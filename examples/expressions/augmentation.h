// How strongly training pictures are changed: the strengths that --augment names.
#pragma once

#include <optional>
#include <string>

#include "mien/data/augmentation.h"

namespace mien::expressions {

/// What a strength stands for; nothing for "none". "faces", by plain rules, is the best recipe's: shifts 0.08, rotation
/// 12 degrees, shear 5 degrees, zoom 0.12, and flips. "small" is what the 2021 report's notebook used, by the rules of
/// Keras's ImageDataGenerator: shifts 0.1, rotation 20 degrees, brightness 0.8 to 1.2, shear 0.2 degrees, zoom 0.1, and
/// flips. "smaller" and "smallest" are a half and a quarter of it; "small_plain" is "small" by the rules of
/// AugmentationRules::plain. Throws UsageError for any other name.
std::optional<AugmentationOptions> augmentation_of(const std::string& strength);

/// The same in words, for the report.
std::string describe_augmentation(const std::string& strength);

}  // namespace mien::expressions
