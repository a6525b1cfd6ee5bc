// Model: a network, made from a graph of layers. Sequential is its chain case.
//
//   Sequential net{Conv2D(8, 3, {.activation = relu}), MaxPool2D(2), Flatten(), Dense(5)};
//   net.build({32, 32, 1}, 1);               // shapes, then weights from seed 1
//   Tensor logits = net(Tensor::zeros({4, 32, 32, 1}));
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "mien/layers/graph.h"
#include "mien/layers/plan.h"

namespace mien {

class Model {
 public:
  /// The network that takes the inputs to the outputs. Layers without a name get Keras's: "conv2d", "conv2d_1", …
  Model(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs, std::string name = "functional");
  Model(const Symbol& input, const Symbol& output, std::string name = "functional")
      : Model(std::vector<Symbol>{input}, std::vector<Symbol>{output}, std::move(name)) {}

  /// Draws all weights anew; the same seed gives the same numbers.
  void initialize(std::uint64_t seed);
  bool is_initialized() const { return initialized_; }
  /// For those who set the weights themselves (a file): ops may run from now on.
  void mark_initialized() { initialized_ = true; }

  /// The outputs for these inputs, each with a batch axis in front.
  std::vector<Tensor> forward(const std::vector<Tensor>& inputs, const Call& call) const;
  Tensor forward(const Tensor& input, const Call& call) const;
  /// Inference: nothing is recorded.
  Tensor operator()(const Tensor& input) const;

  /// What the kernel and activity regularisers add to the loss: one element, or absent where there are none.
  /// `activity` is what Call::penalties collected.
  Tensor penalty(const std::vector<Tensor>& activity = {}) const;

  const std::string& name() const { return name_; }
  /// Shapes without the batch axis.
  std::vector<Shape> input_shapes() const { return plan_.inputs; }
  std::vector<Shape> output_shapes() const;
  /// Keras's "input_layer", "input_layer_1", … where the user gave none.
  const std::vector<std::string>& input_names() const { return input_names_; }
  /// Each layer once, in Keras's order (layers_by_depth).
  const std::vector<Layer>& layers() const { return layers_; }
  /// The layer of that name; Error with the nearest name otherwise.
  Layer layer(std::string_view name) const;
  /// All weights and buffers, in Keras's order, with full names ("conv2d_1/kernel").
  std::vector<std::shared_ptr<Parameter>> parameters() const;
  /// The weights that an optimizer moves: no buffers, no frozen layers.
  std::vector<std::shared_ptr<Parameter>> trainable_parameters() const;
  std::int64_t parameter_count() const;

  /// The part of this network that makes the outputs of these layers, with the same layers and weights: feature taps.
  /// The layers `given` are not run any more; their outputs are inputs, behind those of this network that are still
  /// needed. Error with the nearest name where there is no such layer.
  Model part(const std::vector<std::string>& outputs, const std::vector<std::string>& given = {}) const;

  /// Moves all weights to a device.
  void to(Device device);
  Device device() const;

  /// The steps that forward() runs: fused, unless fusion is off.
  const Plan& plan() const { return fusion_ ? fused_ : plan_; }
  const Plan& unfused_plan() const { return plan_; }
  void set_fusion(bool on) { fusion_ = on; }

 protected:
  Model() = default;  // Sequential: built later
  void make(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs);
  bool is_made() const { return made_; }
  std::string name_ = "sequential";

 private:
  void name_layers();
  /// Gives the inputs these names, or Keras's where one is empty.
  void name_inputs(const std::vector<std::string>& names);
  /// The number of the value that the layer of that name makes.
  int value_of(std::string_view layer) const;

  Plan plan_, fused_;
  std::vector<Layer> layers_;
  std::vector<std::string> input_names_;
  bool made_ = false, initialized_ = false, fusion_ = true;
};

/// Layers one after the other.
class Sequential : public Model {
 public:
  Sequential(std::initializer_list<Layer> layers) : chain_(layers) {}
  explicit Sequential(std::vector<Layer> layers) : chain_(std::move(layers)) {}

  /// Makes the network for inputs of this shape (without the batch axis) and draws its weights. Later calls must give
  /// the same shape; they draw the weights anew.
  void build(const Shape& input, std::uint64_t seed);
  bool is_built() const { return is_made(); }

 private:
  std::vector<Layer> chain_;
};

}  // namespace mien
