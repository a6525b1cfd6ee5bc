// Stochastic gradient descent with momentum, as Keras defines it.
#pragma once

#include "mien/optim/optimizer.h"

namespace mien {

/// The defaults are Keras's.
struct SGDOptions {
  double learning_rate = 1e-2;
  double momentum = 0;    ///< how much of the speed stays from step to step
  bool nesterov = false;  ///< moves by the speed that the next step would start with
  double weight_decay = 0;
  double clipnorm = 0;
  double global_clipnorm = 0;
  double clipvalue = 0;
  Schedule schedule = {};
  WeightAverage average = {};
};

/// v = momentum * v - learning_rate * gradient; w += v, or with Nesterov momentum * v - learning_rate * gradient.
class SGD : public Optimizer {
 public:
  explicit SGD(double learning_rate = 1e-2);
  explicit SGD(const SGDOptions& options);
};

}  // namespace mien
