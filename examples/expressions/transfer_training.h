// Training a head behind a pretrained base on features that are computed once, and then, if asked, the base's last
// blocks.
#pragma once

#include <filesystem>
#include <string>

#include "mien/data/split.h"
#include "mien/train/features.h"
#include "training.h"
#include "transfer_name.h"

namespace mien::expressions {

/// What transfer does besides a plain training.
struct TransferSetup {
  std::filesystem::path cache;   ///< folder of the features
  int views = 1;                 ///< of each training picture: itself, and changed by TrainingSetup::augment
  int fine_tune = 0;             ///< so many last blocks of the base learn too, when the head is done
  int fine_tune_epochs = 0;      ///< at most
  double fine_tune_rate = 1e-4;  ///< their learning rate, and the head's then
};

/// Throws Error, with what helps, where there is no such file.
void check_weights_file(const std::filesystem::path& weights);

/// Loads a base's weights from a file of Keras's (.h5, .weights.h5, .keras) or ours (.safetensors). Throws Error where
/// it is another network's.
void load_base(models::TransferNetwork& network, const std::filesystem::path& weights);

/// The features of the three sides, the training side in all its views; from the cache, as far as they are there.
struct FeatureSides {
  Split sides;
  int found = 0, computed = 0;
  bool complete = true;  ///< false where the work was stopped
};
FeatureSides features_of_sides(const models::TransferNetwork& network, const Split& sides,
                               const TransferSetup& transfer, const TrainingSetup& setup, bool quiet);

/// Trains the head, and the last blocks if asked, and keeps the run's folder as train_network() does; the head's own
/// training stands in the folder head/ where there is fine-tuning. What is worse after fine-tuning, by the validation
/// side, is taken back; then the history is the head's. Goes on where an earlier call was stopped; `setup.resume` and
/// `setup.whole` are set here. Remarks go to stderr, unless `quiet`.
History train_transfer(models::TransferNetwork& network, const Split& sides, const std::filesystem::path& folder,
                       TrainingSetup setup, const TransferSetup& transfer, bool quiet);

}  // namespace mien::expressions
