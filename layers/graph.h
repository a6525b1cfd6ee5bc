// The functional graph: nodes that say "this layer, of those values". It is built by calling layers on symbols, as in
// Keras's functional API:
//
//   Symbol image = Input({32, 32, 3});
//   Symbol left = Conv2D(8, 3, {.padding = Padding::same})(image);
//   Symbol right = Conv2D(8, 1)(image);
//   Model net(image, Dense(10)(Flatten()(Add()({left, right}))));
#pragma once

#include <memory>
#include <vector>

#include "mien/layers/module.h"

namespace mien {

/// One use of a layer. A layer that is called twice has two nodes and one set of weights.
struct GraphNode {
  Layer layer;
  std::vector<std::shared_ptr<GraphNode>> inputs;
  Shape shape;  ///< of the output, without the batch axis
};

/// A value that is not there yet: all that is known of it is the layer it will come from, and its shape.
class Symbol {
 public:
  explicit Symbol(std::shared_ptr<GraphNode> node) : node_(std::move(node)) {}
  const Shape& shape() const { return node_->shape; }
  const std::shared_ptr<GraphNode>& node() const { return node_; }

 private:
  std::shared_ptr<GraphNode> node_;
};

/// The start of a graph: a value of this shape (without the batch axis) that the caller will give.
Symbol Input(const Shape& shape, std::string name = "");

/// All nodes that `outputs` are made from, each after its inputs, in the order of a reader who follows the first input
/// first.
std::vector<std::shared_ptr<GraphNode>> in_order(const std::vector<Symbol>& outputs);

}  // namespace mien
