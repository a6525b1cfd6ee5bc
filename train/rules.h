// When to stop, and when to lower the learning rate: Keras's EarlyStopping and ReduceLROnPlateau as plain decisions,
// fed one figure an epoch. The callbacks (callbacks.h) apply them to a training.
#pragma once

#include <limits>
#include <string>

namespace mien {

/// Whether a figure is better when it is low (a loss) or high (an accuracy).
enum class Better { low, high };

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";  ///< loss, accuracy, val_loss, val_accuracy
  double min_delta = 0;              ///< an improvement must be larger than this
  int patience = 0;                  ///< epochs without improvement after which training stops
  Better better = Better::low;
  bool restore_best = false;  ///< when training ends, however it ends, the weights of the best epoch come back
  int start_from_epoch = 0;   ///< epochs before this one count for nothing
  double baseline = std::numeric_limits<double>::quiet_NaN();  ///< NaN: none; else only better than this counts
};

/// Keras's EarlyStopping. An epoch that improves returns before the stop test; patience 0 cannot stop at epoch 0.
class EarlyStoppingRule {
 public:
  explicit EarlyStoppingRule(EarlyStoppingOptions options = {});

  struct Decision {
    bool keep_weights = false;  ///< these weights are the best so far
    bool stop = false;
  };
  Decision feed(int epoch, double value);

  int best_epoch() const { return best_epoch_; }
  double best() const { return best_; }
  int wait() const { return wait_; }
  bool fed() const { return fed_; }  ///< whether some epoch has left its weights
  /// Goes on from what best_epoch(), best(), wait() and fed() said.
  void restore(int best_epoch, double best, int wait, bool fed);
  const EarlyStoppingOptions& options() const { return options_; }

 private:
  bool improves(double value, double reference) const;
  EarlyStoppingOptions options_;
  double best_;
  int best_epoch_ = 0, wait_ = 0;
  bool fed_ = false;
};

struct ReduceLROnPlateauOptions {
  std::string monitor = "val_loss";
  double factor = 0.1;  ///< new rate = rate * factor
  int patience = 10;
  double min_delta = 1e-4;
  int cooldown = 0;  ///< epochs after a reduction that do not count
  double min_rate = 0;
  Better better = Better::low;
};

/// Keras's ReduceLROnPlateau.
class PlateauRule {
 public:
  explicit PlateauRule(ReduceLROnPlateauOptions options = {});
  /// The learning rate to go on with, for the figure of one epoch and the rate it had.
  double feed(double value, double rate);

  double best() const { return best_; }
  int wait() const { return wait_; }
  int cooldown() const { return cooldown_; }
  void restore(double best, int wait, int cooldown) { best_ = best, wait_ = wait, cooldown_ = cooldown; }
  const ReduceLROnPlateauOptions& options() const { return options_; }

 private:
  ReduceLROnPlateauOptions options_;
  double best_;
  int wait_ = 0, cooldown_ = 0;
};

}  // namespace mien
