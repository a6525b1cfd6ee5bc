// Predictor: a network compiled for inference. Immutable and safe to call from several threads at once.
#pragma once

#include <memory>
#include <vector>

#include "mien/layers/model.h"

namespace mien {

/// Copies of a network's weights with batch normalisation folded into the convolutions, everything fused that can be,
/// and each layer's weights laid out as its kernel reads them. Training the network afterwards does not change it.
class Predictor {
 public:
  /// The outputs for inputs with a batch axis of any length. Intermediate values are let go as soon as nothing reads
  /// them; their memory serves the next ones. On the CPU, a batch of several pictures a thread goes through the leading
  /// layers picture by picture. A picture's outputs have the same bits in any company.
  std::vector<Tensor> operator()(const std::vector<Tensor>& inputs) const;
  Tensor operator()(const Tensor& input) const;

  const Plan& plan() const;

 private:
  friend Predictor compile(const Model& model);
  explicit Predictor(Plan plan);
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

/// Expands, folds, fuses, copies and prepares. The network must have its weights.
Predictor compile(const Model& model);
/// The same for a Sequential that may not be built yet: input_shape is without the batch axis.
Predictor compile(Sequential& model, const Shape& input_shape);

}  // namespace mien
