#include "transfer_name.h"

#include <algorithm>
#include <vector>

#include "mien/core/nearest_name.h"
#include "mien/core/numbers.h"
#include "mien/layers/batch_normalization.h"
#include "options.h"

namespace mien::expressions {
namespace {

/// In training from scratch, batch normalisation's statistics must follow within tens of steps, not the thousands that
/// there were on ImageNet.
constexpr float momentum_from_scratch = 0.9f;
constexpr float pooled_dropout = 0.2f;
constexpr int report_hidden = 256;

models::HeadOptions head_of(const std::string& name) {
  if (name == "report") return {.pooled = false, .hidden = report_hidden};
  return {.pooled = true, .dropout = pooled_dropout};
}

const char* range_of(models::Preprocessing mode) {
  switch (mode) {
    case models::Preprocessing::tf:
      return "pixels from -1 to 1";
    case models::Preprocessing::torch:
      return "pixels less ImageNet's mean, divided by its deviation";
    case models::Preprocessing::caffe:
      return "pixels less ImageNet's mean, blue first";
    case models::Preprocessing::unit:
      return "pixels / 255";
    default:
      return "pixels as they are";
  }
}

bool is_base(const std::string& name) {
  const auto& all = models::imagenet_networks();
  return std::any_of(all.begin(), all.end(), [&](const models::ImageNetFacts& facts) { return facts.name == name; });
}

models::Preprocessing preprocessing_of(const TransferName& name) {
  return name.input == "unit" ? models::Preprocessing::unit : models::imagenet_facts(name.base).preprocessing;
}

}  // namespace

std::string TransferName::text() const {
  return join(base, alpha == 1 ? "" : "-" + shortest(alpha), '+', input, '+', head);
}

void check_transfer_name(const TransferName& name) {
  std::vector<std::string> bases;
  for (const models::ImageNetFacts& facts : models::imagenet_networks()) bases.push_back(facts.name);
  if (!is_base(name.base))
    throw UsageError(
        join("[base] there is no base \"", name.base, "\". The nearest is ", nearest_name(name.base, bases), "."));
  if (name.input != "own" && name.input != "unit")
    throw UsageError(join("[base-input] must be own or unit. Got \"", name.input, "\"."));
  if (name.head != "pooled" && name.head != "report")
    throw UsageError(join("[head] must be pooled or report. Got \"", name.head, "\"."));
  if (!(name.alpha > 0 && name.alpha <= 4) || (name.alpha != 1 && name.base != "mobilenet_v2"))
    throw UsageError(join("[alpha] must be above 0 and at most 4 for mobilenet_v2, and 1 for the others. Got ",
                          shortest(name.alpha), " for ", name.base, "."));
}

std::optional<TransferName> parse_transfer_name(const std::string& word) {
  const std::size_t first = word.find('+'), last = word.rfind('+');
  if (first == std::string::npos || first == last) return {};
  TransferName name{.base = {}, .input = word.substr(first + 1, last - first - 1), .head = word.substr(last + 1)};
  const std::string base = word.substr(0, first);
  const std::size_t dash = base.find('-');
  name.base = base.substr(0, dash);
  if (dash != std::string::npos) {
    const auto alpha = parse_number(base.substr(dash + 1));
    if (!alpha) return {};
    name.alpha = *alpha;
  }
  try {
    check_transfer_name(name);
  } catch (const UsageError&) {
    return {};
  }
  return name.text() == word ? std::optional(name) : std::nullopt;
}

std::string describe_transfer(const TransferName& name) {
  const models::ImageNetFacts& facts = models::imagenet_facts(name.base);
  const models::HeadOptions head = head_of(name.head);
  return join(facts.keras_name, name.base == "mobilenet_v2" ? " with alpha " + shortest(name.alpha) : "", " on ",
              range_of(preprocessing_of(name)), name.input == "own" ? ", as it was trained" : "",
              head.pooled ? join("; behind it the mean over each map, dropout ", shortest(head.dropout))
                          : join("; behind it Flatten, Dense ", head.hidden, " with ReLU"),
              ", one logit a class.");
}

models::TransferNetwork make_transfer(const TransferName& name, const Shape& input, int classes, std::uint64_t seed) {
  models::TransferNetwork network = models::transfer_network(name.base, {.input = input,
                                                                         .classes = classes,
                                                                         .alpha = name.alpha,
                                                                         .preprocessing = preprocessing_of(name),
                                                                         .head = head_of(name.head)});
  models::initialize(network, seed);
  for (const Layer& layer : network.base.layers())
    if (auto* norm = dynamic_cast<BatchNormalizationModule*>(&*layer)) norm->set_momentum(momentum_from_scratch);
  return network;
}

}  // namespace mien::expressions
