#include "augmentation.h"

#include "mien/core/numbers.h"
#include "options.h"

namespace mien::expressions {

std::optional<AugmentationOptions> augmentation_of(const std::string& strength) {
  double part = 1;
  if (strength == "none") return {};
  if (strength == "faces")
    return AugmentationOptions{
        .width_shift = 0.08, .height_shift = 0.08, .rotation = 12, .shear = 5, .horizontal_flip = true, .zoom = 0.12};
  if (strength == "smallest")
    part = 0.25;
  else if (strength == "smaller")
    part = 0.5;
  else if (strength != "small" && strength != "small_plain")
    throw UsageError(
        join("[augment] must be none, smallest, smaller, small, small_plain or faces. Got \"", strength, "\"."));
  return AugmentationOptions{.width_shift = 0.1 * part,
                             .height_shift = 0.1 * part,
                             .rotation = 20 * part,
                             .brightness = 0.2 * part,
                             .shear = 0.2 * part,
                             .horizontal_flip = true,
                             .zoom = 0.1 * part,
                             .rules = strength == "small_plain" ? AugmentationRules::plain : AugmentationRules::keras};
}

std::string describe_augmentation(const std::string& strength) {
  const std::optional<AugmentationOptions> options = augmentation_of(strength);
  if (!options) return "none";
  return join(strength, ": shifts up to ", shortest(options->width_shift.most), " of the side, rotation up to ",
              shortest(options->rotation), "°, brightness ", shortest(options->brightness.low), " to ",
              shortest(options->brightness.high), ", shear up to ", shortest(options->shear), "°, zoom ",
              shortest(options->zoom.low), " to ", shortest(options->zoom.high), ", half of the pictures mirrored; ",
              options->rules == AugmentationRules::plain ? "plain rules" : "the rules of Keras's ImageDataGenerator");
}

}  // namespace mien::expressions
