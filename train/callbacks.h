// Callbacks: what happens besides the steps of a training.
//
//   fit(net, data, {.callbacks = {EarlyStopping({.patience = 30, .restore_best = true}), Progress()}});
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mien/layers/model.h"
#include "mien/train/rules.h"
#include "mien/train/state.h"

namespace mien {

class Optimizer;  // optim/optimizer.h

/// What one epoch came to. Losses are means over the pictures, with the regularisers; val_ figures are NaN without a
/// validation set.
struct EpochRecord {
  int epoch = 0;  ///< from 0
  double loss = 0, accuracy = 0, val_loss = 0, val_accuracy = 0;
  double learning_rate = 0;
  double seconds = 0;            ///< of training steps and validation
  double images_per_second = 0;  ///< of the training steps

  bool validated = true;  ///< whether there was a validation set

  /// Whether this epoch has that figure: val_ ones need a validation set. Callbacks pass over an epoch without theirs.
  bool has(const std::string& name) const { return validated || name.rfind("val_", 0) != 0; }
  /// "loss", "accuracy", "val_loss" or "val_accuracy"; Error with the nearest name otherwise.
  double figure(const std::string& name) const;
};

/// What a training came to.
struct History {
  std::vector<EpochRecord> epochs;
  std::vector<double> batch_losses;  ///< of the steps of this session, one by one, with the regularisers
  int best_epoch = -1;               ///< whose weights the network has, where EarlyStopping restored them; else -1
  bool interrupted = false;          ///< asked to stop before it was done
  std::string stopped_because;       ///< "all 100 epochs are done", "val_loss has not improved for 30 epochs", …
};

/// What a callback sees of a training under way, and how it steers it.
class Training {
 public:
  virtual ~Training() = default;
  virtual Model& model() = 0;
  virtual Optimizer& optimizer() = 0;
  virtual History& history() = 0;
  virtual int epoch() const = 0;            ///< from 0
  virtual int epochs() const = 0;           ///< at most
  virtual int batch() const = 0;            ///< steps done in this epoch
  virtual int batches() const = 0;          ///< steps of an epoch
  virtual int images() const = 0;           ///< pictures done in this epoch
  virtual int images_in_epoch() const = 0;  ///< pictures of an epoch
  virtual double running_loss() const = 0;  ///< mean over the pictures of this epoch so far
  virtual double running_accuracy() const = 0;
  /// Ends the training after this epoch.
  virtual void stop(const std::string& because) = 0;
  /// Everything that fit() needs to go on from here to the same bits.
  virtual TrainingState state() = 0;
};

/// The base of what users write. Every event does nothing unless overridden.
class CallbackModule {
 public:
  virtual ~CallbackModule() = default;
  virtual void on_train_begin(Training&) {}
  virtual void on_batch_end(Training&) {}
  virtual void on_epoch_end(Training&, const EpochRecord&) {}
  /// After all on_epoch_end, once more: the state is complete now, checkpoints are written here.
  virtual void on_checkpoint(Training&) {}
  virtual void on_train_end(Training&) {}
  /// Leaves what the callback must remember across a stop, and takes it up again.
  virtual void save(TrainingState&) const {}
  virtual void restore(const TrainingState&) {}
};

/// A handle on a callback; copies share it.
class Callback {
 public:
  explicit Callback(std::shared_ptr<CallbackModule> module) : module_(std::move(module)) {}
  CallbackModule* operator->() const { return module_.get(); }

 private:
  std::shared_ptr<CallbackModule> module_;
};

/// Ends training when a figure stops improving (Keras's EarlyStopping, see rules.h).
class EarlyStopping : public Callback {
 public:
  explicit EarlyStopping(EarlyStoppingOptions options);
};

/// Lowers the learning rate when a figure stops improving (Keras's ReduceLROnPlateau, see rules.h).
class ReduceLROnPlateau : public Callback {
 public:
  explicit ReduceLROnPlateau(ReduceLROnPlateauOptions options = {});
};

/// A progress bar on stderr: step, images/s, time left, losses.
class Progress : public Callback {
 public:
  Progress();
};

/// Calls a function after every epoch.
class OnEpochEnd : public Callback {
 public:
  explicit OnEpochEnd(std::function<void(Training&, const EpochRecord&)> function);
};

}  // namespace mien
