// A plan: a graph written out as steps in order, and the passes that improve it. All passes are here.
//
//   make_plan   the graph as it stands, one step a layer
//   fuse        convolution + activation + 2x2 max-pool become one step
//   expand      separable convolutions become their two parts (inference only)
//   fold        batch normalisation goes into the weights of the convolution before it (inference only)
//   absorb      zeros put round a picture become the border of the convolution behind them (inference only)
//   join        a sum of branches is made by the convolution that ends one of them (inference only)
//   prepare     weights are laid out as the kernels read them (inference only)
//   part        the steps between some values and others: feature taps, gradients at a layer
//
// A pass never changes a number that reaches the caller: fused and unfused are equal to the bit under the algorithm
// `direct`, folded ones to rounding.
#pragma once

#include <string>
#include <vector>

#include "mien/layers/conv2d.h"
#include "mien/layers/graph.h"

namespace mien {

/// One layer, applied to earlier values. Value numbers: the plan's inputs come first, then the output of each step.
struct Step {
  Layer layer;
  std::vector<int> inputs;                 ///< value numbers
  Shape shape;                             ///< of the output, without the batch axis
  Conv2DEpilogue epilogue = {};            ///< what a convolution took over
  std::vector<std::string> absorbed = {};  ///< names of the layers that it took over, in order
  Tensor prepared = {};                    ///< the weights as the layer reads them fastest (prepare)
  std::string not_fused = {};              ///< why a convolution that stands before a pool could not take it over
};

struct Plan {
  std::vector<Shape> inputs;
  std::vector<Step> steps;
  std::vector<int> outputs;  ///< value numbers

  /// Of a value, without the batch axis.
  const Shape& shape_of(int value) const {
    const auto index = static_cast<std::size_t>(value);
    return index < inputs.size() ? inputs[index] : steps[index - inputs.size()].shape;
  }
  int value_of_step(std::size_t step) const { return static_cast<int>(inputs.size() + step); }
};

/// One step for each node that the outputs need. Throws where an output depends on an Input that is not in `inputs`.
Plan make_plan(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs);

/// Merges Conv2D, a following activation layer and a following 2x2 max-pool wherever nothing else reads the values
/// between them, and notes at each other convolution before a pool what stands in the way.
Plan fuse(const Plan& plan);

/// Writes each SeparableConv2D as a DepthwiseConv2D and a 1x1 Conv2D, so that the passes below see both. The parts have
/// copies of the weights: training the original does not change them.
Plan expand(const Plan& plan);

/// Folds batch normalisation in inference into convolutions before it. The steps hold modules of their own afterwards:
/// training the original does not change them.
Plan fold(const Plan& plan);

/// Gives each convolution behind a ZeroPadding2D that nothing else reads those zeros as its own border.
Plan absorb(const Plan& plan);

/// Has the convolution that ends a branch add the other one's value before it writes its own, and apply a following
/// activation: for each Add of two values of one shape, one of which is such a convolution's and read nowhere else. To
/// be called last before prepare(), which such a convolution needs.
Plan join(const Plan& plan);

/// Lays out the weights of every step as its layer reads them fastest, once for all calls. The weights must not change
/// afterwards.
Plan prepare(const Plan& plan);

/// The steps that it takes to make the values `outputs`, and no others; those values become the outputs. The values
/// `given` are not made any more: they are inputs, behind the plan's own. Takes the value numbers of `plan`.
Plan part(const Plan& plan, const std::vector<int>& outputs, const std::vector<int>& given = {});

/// Each layer once, as Keras lists a network's layers: those farthest from the outputs first, and of those equally far
/// the one that a walk back from the outputs meets first. The order of the weights in Keras's files.
std::vector<Layer> layers_by_depth(const Plan& plan);

/// Runs the steps. Without recording (NoGrad), a value is let go as soon as nothing reads it any more.
std::vector<Tensor> run(const Plan& plan, const std::vector<Tensor>& inputs, const Call& call);

}  // namespace mien
