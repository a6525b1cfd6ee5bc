#include "mien/train/callbacks.h"

#include <algorithm>
#include <memory>

#include "mien/core/nearest_name.h"
#include "mien/core/numbers.h"
#include "mien/io/progress.h"
#include "mien/kernels/error.h"
#include "mien/optim/optimizer.h"

namespace mien {
namespace {

class EarlyStoppingModule : public CallbackModule {
 public:
  explicit EarlyStoppingModule(EarlyStoppingOptions options) : rule_(std::move(options)) {
    EpochRecord{}.figure(rule_.options().monitor);  // an unknown name is an error now, not after an epoch
  }

  void on_epoch_end(Training& training, const EpochRecord& record) override {
    if (!record.has(rule_.options().monitor)) return;
    const EarlyStoppingRule::Decision decision = rule_.feed(record.epoch, record.figure(rule_.options().monitor));
    if (decision.keep_weights && rule_.options().restore_best) {
      best_weights_.clear();
      for (const auto& parameter : training.model().parameters())
        best_weights_.push_back({parameter->full_name, parameter->value.detach().clone()});
    }
    if (decision.stop) training.stop(join(rule_.options().monitor, " has not improved for ", rule_.wait(), " epochs"));
  }

  void on_train_end(Training& training) override {
    if (best_weights_.empty()) return;
    for (const auto& parameter : training.model().parameters())
      parameter->value.copy_from(find(best_weights_, parameter->full_name));
    training.history().best_epoch = rule_.best_epoch();
  }

  void save(TrainingState& state) const override {
    state.set("early_stopping.best_epoch", std::int64_t{rule_.best_epoch()});
    state.set("early_stopping.best", rule_.best());
    state.set("early_stopping.wait", std::int64_t{rule_.wait()});
    state.set("early_stopping.fed", std::int64_t{rule_.fed()});
    for (const NamedTensor& weight : best_weights_) state.set("early_stopping/" + weight.name, weight.value);
  }

  void restore(const TrainingState& state) override {
    if (!state.has("early_stopping.best")) return;
    rule_.restore(static_cast<int>(state.integer("early_stopping.best_epoch")), state.number("early_stopping.best"),
                  static_cast<int>(state.integer("early_stopping.wait")), state.integer("early_stopping.fed") != 0);
    best_weights_ = state.tensors_under("early_stopping/");
  }

 private:
  EarlyStoppingRule rule_;
  std::vector<NamedTensor> best_weights_;
};

class ReduceLROnPlateauModule : public CallbackModule {
 public:
  explicit ReduceLROnPlateauModule(ReduceLROnPlateauOptions options) : rule_(std::move(options)) {
    EpochRecord{}.figure(rule_.options().monitor);
  }

  void on_epoch_end(Training& training, const EpochRecord& record) override {
    if (!record.has(rule_.options().monitor)) return;
    Optimizer& optimizer = training.optimizer();
    optimizer.set_learning_rate(rule_.feed(record.figure(rule_.options().monitor), optimizer.learning_rate()));
  }

  void save(TrainingState& state) const override {
    state.set("plateau.best", rule_.best());
    state.set("plateau.wait", std::int64_t{rule_.wait()});
    state.set("plateau.cooldown", std::int64_t{rule_.cooldown()});
  }

  void restore(const TrainingState& state) override {
    if (!state.has("plateau.best")) return;
    rule_.restore(state.number("plateau.best"), static_cast<int>(state.integer("plateau.wait")),
                  static_cast<int>(state.integer("plateau.cooldown")));
  }

 private:
  PlateauRule rule_;
};

class OnEpochEndModule : public CallbackModule {
 public:
  explicit OnEpochEndModule(std::function<void(Training&, const EpochRecord&)> function)
      : function_(std::move(function)) {}
  void on_epoch_end(Training& training, const EpochRecord& record) override { function_(training, record); }

 private:
  std::function<void(Training&, const EpochRecord&)> function_;
};

}  // namespace

double EpochRecord::figure(const std::string& name) const {
  if (name == "loss") return loss;
  if (name == "accuracy") return accuracy;
  if (name == "val_loss") return val_loss;
  if (name == "val_accuracy") return val_accuracy;
  fail("callback", "there is no figure \"", name, "\". The nearest is \"",
       nearest_name(name, {"loss", "accuracy", "val_loss", "val_accuracy"}), "\".");
}

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : Callback(std::make_shared<EarlyStoppingModule>(std::move(options))) {}
ReduceLROnPlateau::ReduceLROnPlateau(ReduceLROnPlateauOptions options)
    : Callback(std::make_shared<ReduceLROnPlateauModule>(std::move(options))) {}
OnEpochEnd::OnEpochEnd(std::function<void(Training&, const EpochRecord&)> function)
    : Callback(std::make_shared<OnEpochEndModule>(std::move(function))) {}

}  // namespace mien
