// Training a classifier: fit() and evaluate().
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "mien/data/augmentation.h"
#include "mien/data/dataset.h"
#include "mien/layers/model.h"
#include "mien/optim/adam.h"
#include "mien/optim/optimizer.h"
#include "mien/optim/rmsprop.h"
#include "mien/optim/sgd.h"
#include "mien/train/callbacks.h"

namespace mien {

struct FitOptions {
  int epochs = 1;
  int batch = 32;
  Optimizer optimizer = Adam();
  Dataset validation = {};
  std::vector<Callback> callbacks = {};
  float label_smoothing = 0;
  std::vector<float> class_weights = {};  ///< one a class; empty: all 1
  float input_scale =
      1 / 255.0f;  ///< pixels of uint8 data sets are multiplied by it; float32 ones are taken as they are
  bool shuffle = true;
  /// Changes the training pictures anew in every epoch, ahead of the steps; the validation pictures stay as they are.
  std::optional<AugmentationOptions> augment = {};
  std::uint64_t seed = 0;  ///< of weights (where the network has none yet), order, dropout and augmentation
  Device device = Device::cpu;
  /// Asked after every step; true ends the training there, with a checkpoint (Ctrl-C).
  std::function<bool()> should_stop = {};
  /// Where a training that was stopped goes on from.
  std::optional<TrainingState> resume = {};
};

/// Trains `net`, whose outputs are logits, one a class, with softmax cross-entropy. Runs epochs until `epochs` are done
/// or a callback stops it. Throws Error for data that does not fit the network, and for a loss that is not finite: then
/// the message says in which step and layer a NaN or infinity first appeared, and the weights are those of before the
/// step.
History fit(Model& net, const Dataset& data, FitOptions options);
/// The same for a Sequential that may not be built yet: it is built for the data's shape.
History fit(Sequential& net, const Dataset& data, FitOptions options);

/// What a network makes of a data set.
struct Evaluation {
  double loss = 0;  ///< mean over the pictures, with the regularisers
  double accuracy = 0;
  std::vector<std::int32_t> labels, predictions;
  std::vector<float> probabilities;  ///< (pictures, classes), row-major
};

struct EvaluateOptions {
  int batch = 64;
  float input_scale = 1 / 255.0f;
  float label_smoothing = 0;
};
Evaluation evaluate(const Model& net, const Dataset& data, EvaluateOptions options = {});

}  // namespace mien
