// RMSprop (Tieleman and Hinton, 2012), as Keras defines it.
#pragma once

#include "mien/optim/optimizer.h"

namespace mien {

/// The defaults are Keras's.
struct RMSpropOptions {
  double learning_rate = 1e-3;
  double rho = 0.9;       ///< how much of the mean square stays from step to step
  double momentum = 0;    ///< how much of the last move is added to the next
  double epsilon = 1e-7;  ///< inside the root
  bool centered = false;  ///< divides by the standard deviation of the gradient, not by its root mean square
  double weight_decay = 0;
  double clipnorm = 0;
  double global_clipnorm = 0;
  double clipvalue = 0;
  Schedule schedule = {};
  WeightAverage average = {};
};

/// w -= learning_rate * gradient / sqrt(mean square + epsilon).
class RMSprop : public Optimizer {
 public:
  explicit RMSprop(double learning_rate = 1e-3);
  explicit RMSprop(const RMSpropOptions& options);
};

}  // namespace mien
