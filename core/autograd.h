// Reverse-mode differentiation, whole.
//
// While ops run, each leaves a Node behind: which tensors it read, and a rule that turns the gradient of its output
// into the gradients of its inputs. backward(loss) starts with d loss / d loss = 1 and walks the nodes from the last
// recorded to the first. A node's turn comes when every op that read its output has had its own, so its gradient is
// complete; nodes are numbered as they are recorded, hence "largest number first" is all the order it takes.
//
//   Tensor y = multiply(x, x);          // records {x, x} and the rule  dx = dy * x, twice
//   backward(sum(y));                   // x.grad() is 2 x: the engine added the two
//
// Kernels overwrite what they are given; only this engine adds, where a value was read more than once.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

#include "mien/core/tensor.h"
#include "mien/kernels/error.h"

namespace mien {

class Backward;
using BackwardRule = std::function<void(Backward&)>;

/// One recorded op, or a leaf (no rule): a parameter that a gradient is kept for.
struct Node {
  /// A tensor that the op read. `node` is empty where nobody asked for its gradient.
  struct Input {
    std::shared_ptr<Node> node;
    Shape shape;
  };

  const char* op = "leaf";
  std::uint64_t number = 0;  ///< order of recording
  std::vector<Input> inputs;
  BackwardRule rule;  ///< its captures are the saved tensors
  Tensor y;           ///< the output, kept only for rules that ask for it
  Tensor gradient;    ///< of the loss with respect to the output; summed as it arrives

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Lets a whole chain go without recursion: a graph of 300,000 ops must not take 300,000 stack frames to free.
  ~Node() {
    std::vector<Input> dying = std::move(inputs);
    while (!dying.empty()) {
      const std::shared_ptr<Node> node = std::move(dying.back().node);
      dying.pop_back();
      if (node && node.use_count() == 1)
        for (Input& input : node->inputs) dying.push_back(std::move(input));
    }
  }
};

/// A new node, numbered after all before it.
inline std::shared_ptr<Node> make_leaf() {
  static std::atomic<std::uint64_t> next{1};
  auto node = std::make_shared<Node>();
  node->number = next++;
  return node;
}

/// Whether ops on this thread leave nodes behind.
inline bool& recording() {
  thread_local bool on = true;
  return on;
}

/// Switches recording off for as long as it lives: inference, and updates of parameters.
class NoGrad {
 public:
  NoGrad() : before_(std::exchange(recording(), false)) {}
  ~NoGrad() { recording() = before_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// What a rule sees: the gradient of the op's output, and a place for the gradient of each input that wants one.
class Backward {
 public:
  Backward(const Node& node, Tensor dy) : node_(node), dy_(std::move(dy)), gradients_(node.inputs.size()) {}

  bool needs(std::size_t input) const { return node_.inputs[input].node != nullptr; }
  View<const float> dy() const { return dy_.view(); }
  const Tensor& dy_tensor() const { return dy_; }
  /// The op's output; recorded with Keep::output.
  const Tensor& y() const { return node_.y; }
  Device device() const { return dy_.device(); }

  /// Memory for an input's gradient, of which the rule writes every element; empty where nobody needs it.
  View<float> grad(std::size_t input) {
    if (!needs(input)) return {};
    if (!gradients_[input].defined()) gradients_[input] = Tensor::empty(node_.inputs[input].shape, device());
    return gradients_[input].view();
  }
  /// Gives an input's gradient as a tensor (which may share dy's memory: nobody writes to it again).
  void set_grad(std::size_t input, const Tensor& gradient) {
    if (needs(input)) gradients_[input] = gradient.with_shape(node_.inputs[input].shape);
  }
  /// The gradient that the rule gave; absent where it gave none.
  const Tensor& given(std::size_t input) const { return gradients_[input]; }

 private:
  const Node& node_;
  Tensor dy_;
  std::vector<Tensor> gradients_;
};

/// What a node keeps besides the captures of its rule.
enum class Keep { nothing, output };

/// Records that `op` made y from the inputs; returns y, standing in the graph. Does nothing where recording is off or
/// no input wants a gradient. The rule must not capture y (a cycle): it asks for Keep::output and back.y() instead.
inline Tensor record(const char* op, Tensor y, const std::vector<Tensor>& inputs, BackwardRule rule,
                     Keep keep = Keep::nothing) {
  bool wanted = false;
  for (const Tensor& input : inputs) wanted |= input.requires_grad();
  if (!recording() || !wanted) return y;
  std::shared_ptr<Node> node = make_leaf();
  node->op = op;
  for (const Tensor& input : inputs) node->inputs.push_back({input.node(), input.shape()});
  node->rule = std::move(rule);
  if (keep == Keep::output) node->y = y.detach();
  y.set_node(std::move(node));
  return y;
}

/// Adds `gradient` to what a node has so far.
inline void accumulate(Node& node, const Tensor& gradient) {
  if (!node.gradient.defined()) {
    node.gradient = gradient;
    return;
  }
  BroadcastGeometry g{.axes = 1, .extent = {gradient.size()}, .a_stride = {1}, .b_stride = {1}};
  Tensor sum = Tensor::empty(gradient.shape(), gradient.device());
  kernels::binary_forward(gradient.device())(std::as_const(node.gradient).view(), gradient.view(), sum.view(), g,
                                             BinaryKind::add);
  node.gradient = sum;
}

/// Finds the gradient of `loss` with respect to every leaf it was made from, and adds it to the leaf's grad(). The
/// graph is dropped on the way: saved tensors are freed as soon as their rule has run. A loss of more than one element
/// needs `dloss`, the gradient to start from.
inline void backward(const Tensor& loss, Tensor dloss = {}) {
  check(loss.requires_grad(), "backward", "the loss was not made from a tensor that requires a gradient.");
  if (!dloss.defined()) {
    check(loss.size() == 1, "backward", "a loss must have one element, or come with its own gradient. Got ",
          loss.shape(), ".");
    dloss = Tensor::ones(loss.shape(), loss.device());
  }
  check(dloss.shape() == loss.shape(), "backward", "the gradient given must have the loss's shape. Got ", dloss.shape(),
        " for ", loss.shape(), ".");
  const NoGrad no_grad;
  const auto earlier = [](const auto& a, const auto& b) { return a->number < b->number; };
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, decltype(earlier)> waiting(earlier);
  accumulate(*loss.node(), dloss);
  if (loss.node()->rule) waiting.push(loss.node());
  while (!waiting.empty()) {
    const std::shared_ptr<Node> node = waiting.top();
    waiting.pop();
    Backward back(*node, std::move(node->gradient));
    node->gradient = {};
    node->rule(back);
    for (std::size_t i = 0; i < node->inputs.size(); ++i) {
      const std::shared_ptr<Node>& input = node->inputs[i].node;
      if (!input || !back.given(i).defined()) continue;
      if (input->rule && !input->gradient.defined()) waiting.push(input);
      accumulate(*input, back.given(i));
    }
    node->rule = nullptr;
    node->inputs.clear();
    node->y = {};
  }
}

}  // namespace mien
