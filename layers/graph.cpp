#include "mien/layers/graph.h"

#include <unordered_set>

#include "mien/kernels/error.h"
#include "mien/layers/config.h"

namespace mien {
namespace {

/// Stands for the caller's value; never called.
class InputModule : public Module {
 public:
  explicit InputModule(Shape shape) : shape_(shape) {}
  std::string kind() const override { return "InputLayer"; }
  LayerConfig config() const override {
    ConfigValue::List shape{{}};
    for (const std::int64_t length : shape_) shape.push_back(length);
    return LayerConfig{kind(), {{"batch_shape", shape}, {"dtype", "float32"}, {"name", name()}}};
  }
  Shape output_shape(const std::vector<Shape>&) const override { return shape_; }
  Tensor forward(const std::vector<Tensor>&, const Call&) override {
    fail("Input", "an input has no forward pass: its value is given.");
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<InputModule>(*this); }

 private:
  Shape shape_;
};

}  // namespace

Symbol Input(const Shape& shape, std::string name) {
  Layer layer(std::make_shared<InputModule>(shape));
  layer->set_name(std::move(name));
  return Symbol(std::make_shared<GraphNode>(GraphNode{layer, {}, shape}));
}

Symbol Layer::operator()(const Symbol& input) const { return (*this)(std::vector<Symbol>{input}); }

Symbol Layer::operator()(const std::vector<Symbol>& inputs) const {
  auto node = std::make_shared<GraphNode>(GraphNode{*this, {}, {}});
  std::vector<Shape> shapes;
  for (const Symbol& input : inputs) {
    node->inputs.push_back(input.node());
    shapes.push_back(input.shape());
  }
  node->shape = module_->output_shape(shapes);
  module_->build_once(shapes);
  return Symbol(std::move(node));
}

std::vector<std::shared_ptr<GraphNode>> in_order(const std::vector<Symbol>& outputs) {
  std::vector<std::shared_ptr<GraphNode>> order;
  std::unordered_set<const GraphNode*> entered, done;
  std::vector<std::shared_ptr<GraphNode>> stack;
  for (auto output = outputs.rbegin(); output != outputs.rend(); ++output) stack.push_back(output->node());
  while (!stack.empty()) {
    const std::shared_ptr<GraphNode> node = stack.back();
    if (done.count(node.get())) {
      stack.pop_back();
    } else if (!entered.insert(node.get()).second) {  // second visit: all inputs are in the order
      stack.pop_back();
      done.insert(node.get());
      order.push_back(node);
    } else {
      for (auto input = node->inputs.rbegin(); input != node->inputs.rend(); ++input)
        if (!done.count(input->get())) stack.push_back(*input);
    }
  }
  return order;
}

}  // namespace mien
