// The numbers that a kernel takes besides shapes: the choice of a convolution's algorithm, an optimizer's constants.
#pragma once

#include <cstdint>

namespace mien {

/// The three sums of a convolution.
enum class Conv2dPass : std::uint8_t { forward, backward_input, backward_weights };

/// How a convolution is computed. `automatic` lets the rule in kernels/cpu/conv2d.cpp (or cuda/conv2d.cu) decide, for
/// each pass by itself. One that is asked for where it does not apply, or that the device lacks, gives way to `direct`.
enum class Conv2dAlgorithm : std::uint8_t {
  automatic,
  reference,  ///< plain loops, the definition
  direct,     ///< loops arranged for the machine, same order of sums
  gemm,       ///< blocks of patches times the weights, by matrix product
  winograd,   ///< 3x3 of stride 1, forward and input gradient: F(4x4, 3x3), a quarter of the multiplications
  sparse,     ///< 3x3 of stride 1 with the fused pool, both gradients: from the entries alone that the pool let through
  tensor_cores,  ///< `gemm` on a GPU's tensor cores, factors rounded to TF32; on a GPU that has none, `gemm`
};

/// "automatic", "reference" …
constexpr const char* name_of(Conv2dAlgorithm algorithm) {
  constexpr const char* names[] = {"automatic", "reference", "direct", "gemm", "winograd", "sparse", "tensor_cores"};
  return names[static_cast<int>(algorithm)];
}

/// Places in an optimizer's device state: what changes from step to step is read from there, so that a captured step
/// can be replayed.
enum OptimizerState : int {
  state_learning_rate = 0,
  state_step = 1,         ///< number of this step, from 1
  state_finite = 2,       ///< 1 while every gradient of this step is finite, else 0: then nothing is updated
  state_bias_first = 3,   ///< Adam: 1 - beta_1^step, in float32 as Keras computes it
  state_bias_second = 4,  ///< Adam: 1 - beta_2^step
  optimizer_state_size = 8,
};

/// Stochastic gradient descent (Keras SGD). Weight decay, w -= learning_rate * weight_decay * w, comes before the step.
struct SgdSettings {
  float momentum = 0.0f;
  bool nesterov = false;
  float weight_decay = 0.0f;
};

/// RMSprop (Keras): epsilon stands inside the root. The decay rates, here and in Adam, are double because Keras takes
/// 1 - rate in double and rounds the difference: from 0.999f it would come out 1.3e-5 (relative) too small.
struct RmspropSettings {
  double rho = 0.9;
  float momentum = 0.0f, epsilon = 1e-7f;
  bool centered = false;
  float weight_decay = 0.0f;
};

/// Adam and AdamW (Keras): w -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).
struct AdamSettings {
  double beta_1 = 0.9, beta_2 = 0.999;
  float epsilon = 1e-7f;
  bool amsgrad = false;  ///< divides by the largest v so far, uncorrected
  float weight_decay = 0.0f;
};

}  // namespace mien
