// Pretrained networks by name: a base, how pixels reach it, and a head, in one word like
// "mobilenet_v2-0.35+own+pooled". It stands wherever a network's name does: in a weights file, a config, a study's
// plan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mien/models/transfer.h"

namespace mien::expressions {

struct TransferName {
  std::string base;             ///< "mobilenet_v2"
  double alpha = 1;             ///< of MobileNetV2
  std::string input = "own";    ///< "own": pixels as the published weights expect them; "unit": pixels / 255
  std::string head = "pooled";  ///< or "report"

  std::string text() const;
};

/// Throws UsageError for a base, an input or a head that does not exist, and for an alpha that the base cannot have.
void check_transfer_name(const TransferName& name);

/// The parts of such a word; nothing where it is none.
std::optional<TransferName> parse_transfer_name(const std::string& word);

/// "MobileNetV2 with alpha 0.35, its pixels from -1 to 1, then …": one sentence for people.
std::string describe_transfer(const TransferName& name);

/// The network for pictures of shape `input` (height, width, 1 or 3), with weights drawn from `seed`.
models::TransferNetwork make_transfer(const TransferName& name, const Shape& input, int classes, std::uint64_t seed);

}  // namespace mien::expressions
