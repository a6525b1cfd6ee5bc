#include "mien/models/transfer.h"

#include "mien/kernels/error.h"

namespace mien::models {
namespace {

Symbol in_colour(const Symbol& picture) {
  const Shape& shape = picture.shape();
  check(shape.rank() == 3 && (shape[2] == 1 || shape[2] == 3), "transfer",
        "pictures must be (height, width, 1 or 3). Got ", shape, ".");
  return shape[2] == 3 ? picture : Concatenate(-1, "grey_to_colour")({picture, picture, picture});
}

Symbol head_behind(const Symbol& features, const HeadOptions& options, int classes) {
  check(classes >= 1, "transfer", "at least one class is needed. Got ", classes, ".");
  Symbol x = Flatten("head_flatten")(features);
  if (options.hidden > 0) x = Dense(options.hidden, {.activation = relu, .name = "head_dense"})(x);
  if (options.dropout > 0) x = Dropout(options.dropout, "head_dropout")(x);
  return Dense(classes, {.name = "head_logits"})(x);
}

}  // namespace

Symbol applied_to(const Symbol& input, const Model& network) {
  const Plan& plan = network.unfused_plan();
  check(plan.inputs.size() == 1 && plan.outputs.size() == 1, network.name(),
        "a network of one input and one output is needed. Got ", plan.inputs.size(), " and ", plan.outputs.size(), ".");
  check(input.shape() == plan.inputs[0], network.name(), "it takes ", plan.inputs[0], ". Got ", input.shape(), ".");
  std::vector<Symbol> values{input};
  for (const Step& step : plan.steps) {
    std::vector<Symbol> inputs;
    for (const int value : step.inputs) inputs.push_back(values.at(static_cast<std::size_t>(value)));
    values.push_back(step.layer(inputs));
  }
  return values.at(static_cast<std::size_t>(plan.outputs[0]));
}

TransferNetwork transfer_network(std::string_view base_name, const TransferOptions& options) {
  const Symbol picture = Input(options.input);
  const Symbol pixels = in_colour(picture);
  const Model base = imagenet_network(base_name, {.input = pixels.shape(), .alpha = options.alpha});
  Symbol x = applied_to(preprocess(pixels, options.preprocessing), base);
  if (options.head.pooled) x = GlobalAveragePool2D(true, "head_pool")(x);
  const Model features(picture, x, "features");
  const Symbol read = Input(x.shape());
  const Model head(read, head_behind(read, options.head, options.classes), "head");
  const Model net(picture, applied_to(x, head), base.name() + "_transfer");
  return {.net = net, .features = features, .head = head, .base = base};
}

void initialize(TransferNetwork& network, std::uint64_t seed) {
  network.net.initialize(seed);
  for (Model* part : {&network.features, &network.head, &network.base}) part->mark_initialized();
}

void set_trainable(const std::vector<Layer>& layers, bool on) {
  for (const Layer& layer : layers) layer->set_trainable(on);
}

void train_last_blocks(const Model& base, const ImageNetFacts& facts, int blocks) {
  const auto count = static_cast<int>(facts.blocks.size());
  check(blocks >= 0 && blocks <= count, facts.name, "it has ", count, " blocks that can be trained. Got ", blocks, ".");
  for (const Layer& layer : base.layers()) layer->set_trainable(layer->kind() != "BatchNormalization");
  if (blocks == count) return;
  set_trainable(layers_through(base, facts, facts.blocks[static_cast<std::size_t>(count - blocks - 1)].name), false);
}

}  // namespace mien::models
