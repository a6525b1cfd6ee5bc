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
  bool validation_flips = false;          ///< the validation is as evaluate() with flips
  std::vector<float> class_weights = {};  ///< one a class; empty: all 1
  float input_scale =
      1 / 255.0f;  ///< pixels of uint8 data sets are multiplied by it; float32 ones are taken as they are
  bool shuffle = true;
  /// Changes the training pictures anew in every epoch, ahead of the steps; the validation pictures stay as they are.
  std::optional<AugmentationOptions> augment = {};
  /// Above 0: each batch is trained on mixed pictures (data/mixup.h), the share being a draw from Beta(mixup, mixup):
  /// loss = share * cross-entropy(own labels) + (1 - share) * cross-entropy(the partners'). The training accuracy
  /// counts the label with the larger share.
  double mixup = 0;
  std::uint64_t seed = 0;  ///< of weights (where the network has none yet), order, dropout, augmentation and mixup
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
///
/// With an optimizer that keeps running means of the weights (WeightAverage), the means stand in the network wherever
/// it is looked at: in validation, in on_epoch_end and on_checkpoint, and in the end. (Keras's SwapEMAWeights.)
History fit(Model& net, const Dataset& data, FitOptions options);
/// The same for a Sequential that may not be built yet: it is built for the data's shape.
History fit(Sequential& net, const Dataset& data, FitOptions options);

/// What a network makes of a data set.
struct Evaluation {
  double loss = 0;  ///< mean over the pictures, with the regularisers; with flips: of the averaged probabilities
  double accuracy = 0;
  std::vector<std::int32_t> labels, predictions;
  std::vector<float> probabilities;  ///< (pictures, classes), row-major
};

struct EvaluateOptions {
  int batch = 64;
  float input_scale = 1 / 255.0f;
  float label_smoothing = 0;
  bool flips = false;  ///< each picture is also shown mirrored, and the two probabilities of each class are averaged
};
Evaluation evaluate(const Model& net, const Dataset& data, EvaluateOptions options = {});

}  // namespace mien
