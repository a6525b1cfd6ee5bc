// Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019), as Keras defines them.
#pragma once

#include "mien/optim/optimizer.h"

namespace mien {

/// The defaults are Keras's.
struct AdamOptions {
  double learning_rate = 1e-3;
  double beta_1 = 0.9;    ///< how much of the mean gradient stays from step to step
  double beta_2 = 0.999;  ///< how much of the mean square stays
  double epsilon = 1e-7;  ///< beside the root: m / (sqrt(v) + epsilon)
  bool amsgrad = false;   ///< divides by the root of the largest v so far
  double weight_decay = 0;
  double clipnorm = 0;
  double global_clipnorm = 0;
  double clipvalue = 0;
  Schedule schedule = {};
  WeightAverage average = {};
};

/// w -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon), t being the step from 1.
class Adam : public Optimizer {
 public:
  explicit Adam(double learning_rate = 1e-3);
  explicit Adam(const AdamOptions& options);
};

struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  double weight_decay = 4e-3;
  double clipnorm = 0;
  double global_clipnorm = 0;
  double clipvalue = 0;
  Schedule schedule = {};
  WeightAverage average = {};
};

/// Adam whose weights shrink before each step: w -= learning_rate * weight_decay * w.
class AdamW : public Optimizer {
 public:
  explicit AdamW(double learning_rate = 1e-3);
  explicit AdamW(const AdamWOptions& options);
};

}  // namespace mien
