// What a layer is: a Module owns parameters and turns tensors into tensors by calling the ops of core/ops. A Layer is
// the handle that users hold: copying it shares the module, calling it on symbols builds a graph (graph.h).
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mien/core/autograd.h"
#include "mien/core/tensor.h"
#include "mien/layers/init.h"

namespace mien {

class Symbol;        // graph.h
struct LayerConfig;  // config.h

/// A regulariser: adds l1 * sum |w| + l2 * sum w^2 to the loss. On an activity, the sum is divided by the batch.
struct Regularizer {
  float l1 = 0, l2 = 0;
  bool active() const { return l1 != 0 || l2 != 0; }
};
constexpr Regularizer l1(float factor) { return {factor, 0}; }
constexpr Regularizer l2(float factor) { return {0, factor}; }

/// Numbers that a layer owns: a weight, or a buffer (no gradient: the moving mean of batch normalisation).
struct Parameter {
  std::string name;  ///< within its layer: "kernel"
  Tensor value;
  Initializer initializer;
  Regularizer regularizer;
  bool buffer = false;
  std::string full_name;  ///< within its network: "conv2d_1/kernel"
};

/// The circumstances of one forward pass.
struct Call {
  bool training = false;   ///< dropout drops, batch normalisation takes the batch's statistics
  std::uint64_t seed = 0;  ///< of dropout
  Tensor step = {};        ///< number of the training step: int32, one element, on the device; needed in training
  std::vector<Tensor>* penalties = nullptr;  ///< where activity regularisers leave their part of the loss
  Tensor prepared = {};                      ///< what Module::prepare gave for this step; absent where it was not asked
  /// Sees the output of every layer as it is computed: to look for a NaN, to draw feature maps, to learn.
  std::function<void(std::string_view layer, const Tensor& y)> observer = {};
};

class Module {
 public:
  virtual ~Module() = default;
  Module& operator=(const Module&) = delete;

  /// Keras's class name: "Conv2D".
  virtual std::string kind() const = 0;
  /// The layer as data (config.h): what make_layer() makes the same layer of, with fresh weights. Throws where a layer
  /// of the user's own does not say.
  virtual LayerConfig config() const;
  /// Shape of the output for these inputs; shapes in layers/ have no batch axis. Throws where they do not fit.
  virtual Shape output_shape(const std::vector<Shape>& inputs) const = 0;
  /// Makes the parameters for these inputs (add_parameter), uninitialised.
  virtual void build(const std::vector<Shape>& inputs);
  /// The forward pass; inputs have a batch axis in front.
  virtual Tensor forward(const std::vector<Tensor>& inputs, const Call& call) = 0;
  /// The weights as forward() reads them fastest, for inference with weights that no longer change: it gets them back
  /// in Call::prepared. Absent where there is nothing to prepare.
  virtual Tensor prepare(const std::vector<Shape>& inputs) const;
  /// A module of the same options with copies of the parameters.
  virtual std::shared_ptr<Module> clone() const = 0;
  /// Multiply-adds for one picture; 0 for layers that are not products.
  virtual std::int64_t multiply_adds(const std::vector<Shape>& inputs) const;
  /// True for a layer that hands its input on unchanged when not training, or only reshapes it.
  virtual bool is_alias() const { return false; }

  /// Unique within its network: "conv2d_1". Set by the network where the user gave none.
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  /// Frozen layers keep their weights, and batch normalisation its statistics.
  bool trainable() const { return trainable_; }
  void set_trainable(bool on);
  /// Tells the random streams of the layers of one network apart.
  void set_stream(std::uint64_t stream) { stream_ = stream; }

  /// Weights and buffers, in Keras's order.
  const std::vector<std::shared_ptr<Parameter>>& parameters() const { return parameters_; }
  bool is_built() const { return built_; }
  /// Shapes of the inputs that the parameters were made for.
  const std::vector<Shape>& built_for() const { return built_for_; }

  /// Makes build() refuse more numbers than this, all parameters together: for layers from a file, which may ask for
  /// any size.
  void limit_weights(std::int64_t numbers) { weights_limit_ = numbers; }
  /// build(), once; later calls check that the shapes are still the same.
  void build_once(const std::vector<Shape>& inputs);

 protected:
  Module() = default;
  Module(const Module& other);  // for clone(): copies the parameters' numbers

  void add_parameter(std::string name, const Shape& shape, Initializer initializer, Regularizer regularizer = {},
                     bool buffer = false);
  /// The value of a parameter by its name; absent where the layer has none of that name.
  const Tensor& parameter(std::string_view name) const;
  std::uint64_t stream() const { return stream_; }
  /// What config() begins with: the class, and the arguments "name" and "trainable".
  LayerConfig begin_config() const;
  /// Throws unless there is exactly one input, of `rank` axes (-1: any).
  const Shape& single_input(const std::vector<Shape>& inputs, int rank = -1) const;

 private:
  std::string name_;
  bool trainable_ = true;
  bool built_ = false;
  std::uint64_t stream_ = 0;
  std::int64_t weights_limit_ = std::numeric_limits<std::int64_t>::max();
  std::vector<Shape> built_for_;
  std::vector<std::shared_ptr<Parameter>> parameters_;
};

/// A handle on a module. Layers of one module share their weights.
class Layer {
 public:
  explicit Layer(std::shared_ptr<Module> module) : module_(std::move(module)) {}

  Module& operator*() const { return *module_; }
  Module* operator->() const { return module_.get(); }
  const std::shared_ptr<Module>& module() const { return module_; }

  /// The layer's output for an input that is not there yet: adds a node to a graph.
  Symbol operator()(const Symbol& input) const;
  Symbol operator()(const std::vector<Symbol>& inputs) const;

 private:
  std::shared_ptr<Module> module_;
};

/// Keras's default name of a layer class: "Conv2D" becomes "conv2d", "MaxPooling2D" "max_pooling2d".
std::string default_name(std::string_view kind);

}  // namespace mien
