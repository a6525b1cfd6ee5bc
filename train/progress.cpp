// The Progress callback: one bar an epoch on stderr.
#include "mien/io/progress.h"

#include <cmath>
#include <optional>

#include "mien/core/numbers.h"
#include "mien/train/callbacks.h"

namespace mien {
namespace {

std::string figures(double loss, double accuracy) {
  return join("loss ", fixed(loss, 4), ", accuracy ", percent(accuracy));
}

class ProgressModule : public CallbackModule {
 public:
  void on_train_begin(Training& training) override { shown_ = training.images(); }

  void on_batch_end(Training& training) override {
    if (!bar_)
      bar_.emplace(training.images_in_epoch(), join("epoch ", training.epoch() + 1, "/", training.epochs()), stderr,
                   ProgressOptions{.start = shown_});
    bar_->advance(training.images() - shown_, figures(training.running_loss(), training.running_accuracy()));
    shown_ = training.images();
  }

  void on_epoch_end(Training&, const EpochRecord& record) override {
    std::string text = figures(record.loss, record.accuracy);
    if (!std::isnan(record.val_loss))
      text += join(", val_loss ", fixed(record.val_loss, 4), ", val_accuracy ", percent(record.val_accuracy));
    if (bar_) bar_->finish(text);
    bar_.reset();
    shown_ = 0;
  }

  void on_train_end(Training&) override { bar_.reset(); }

 private:
  std::optional<ProgressBar> bar_;
  int shown_ = 0;  // pictures of this epoch that the bar has counted
};

}  // namespace

Progress::Progress() : Callback(std::make_shared<ProgressModule>()) {}

}  // namespace mien
