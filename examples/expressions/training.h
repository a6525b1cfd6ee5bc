// One training of one network into one folder: what every command that trains shares. Prints nothing.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "classifier.h"
#include "mien/data/split.h"
#include "mien/train/fit.h"
#include "recipe.h"

namespace mien::expressions {

/// How a network is trained, by Adam or AdamW.
struct TrainingSetup {
  std::string network;              ///< a name of networks.h
  std::optional<Model> whole = {};  ///< that network, where only a part of it is trained
  Input input = {};                 ///< how photographs became the pictures
  int epochs = 1, batch = 64;       ///< at most so many epochs
  double learning_rate = 1e-3;
  int patience = 0;              ///< epochs without a better figure after which it ends: val_loss, or loss without a
                                 ///< validation side
  bool restore_best = true;      ///< the network ends with the best epoch's weights, not the last one's
  std::string augment = "none";  ///< a strength of augmentation.h
  Tuning tuning = {};            ///< its `keep` "last" does as restore_best = false does
  std::uint64_t seed = 1;        ///< of the order, dropout and augmentation
  Device device = Device::cpu;
  std::vector<Callback> callbacks = {};      ///< besides those that stop the training and keep the folder
  std::function<bool()> should_stop = {};    ///< asked after every step
  std::optional<TrainingState> resume = {};  ///< where a training that was stopped goes on
};

/// The sides as the network takes them: with the label as a further channel where it wants that.
Split sides_for(const std::string& network, const Split& sides);

/// Trains `net` on sides.train (as sides_for() gave them) and keeps the run's folder (run_folder.h); best.safetensors
/// holds the best epoch until the training is done, and then the weights that the network ends with. The validation
/// side may be empty. What an earlier run has left in the folder is for the caller to clear.
History train_network(Model& net, const Split& sides, const std::filesystem::path& folder, TrainingSetup setup);

}  // namespace mien::expressions
