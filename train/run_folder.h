// The folder that a training leaves, kept whole at every moment: a kill at any point loses no more than the epoch under
// way, and the training goes on from the checkpoint to the same bits.
//
//   config.json        everything needed to repeat the run (written by the program that trains)
//   history.csv        losses and accuracies, a line an epoch
//   timings.csv        seconds and images/s, a line an epoch: apart, for they alone differ from run to run
//   best.safetensors   the weights of the best epoch; stands alone, its metadata says how to use it
//   last/              weights.safetensors and training.safetensors: where a resumed training goes on
//   events/            the curves for TensorBoard
#pragma once

#include <filesystem>
#include <optional>

#include "mien/train/callbacks.h"
#include "mien/train/metrics.h"
#include "mien/train/weights.h"

namespace mien {

struct RunFolderOptions {
  Metadata metadata = {};            ///< of best.safetensors and last/weights.safetensors
  std::string monitor = "val_loss";  ///< the best epoch is the best in this; without a validation set: in "loss"
  Better better = Better::low;
  /// What best.safetensors holds, where the network that is trained is only a part of it and shares its weights.
  std::optional<Model> whole = {};
};

/// A callback that keeps the run's folder. It stands last in FitOptions::callbacks, so that the checkpoint holds what
/// the others remember.
class RunFolder : public Callback {
 public:
  /// Creates the folder where it is not there. Throws Error where it cannot be written.
  explicit RunFolder(const std::filesystem::path& folder, RunFolderOptions options = {});
};

/// The checkpoint of a run, for FitOptions::resume; nothing where the run was stopped before its first one. Repairs
/// what a kill has left half done. Not to be called while the run is under way.
std::optional<TrainingState> last_checkpoint(const std::filesystem::path& folder);

/// Removes what an earlier run has left in the folder, its checkpoint first; other files stay.
void clear_run(const std::filesystem::path& folder);

/// metrics.json: loss, accuracy, macro figures, those of every class, and the confusion matrix; the same numbers give
/// the same bytes.
std::string to_json(const Metrics& metrics, double loss);

}  // namespace mien
