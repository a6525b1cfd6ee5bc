#include "mien/train/run_folder.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "mien/core/numbers.h"
#include "mien/io/csv.h"
#include "mien/io/event_log.h"
#include "mien/io/file.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

namespace fs = std::filesystem;

class RunFolderModule : public CallbackModule {
 public:
  RunFolderModule(const fs::path& folder, RunFolderOptions options)
      : folder_(folder), options_(std::move(options)), best_({.monitor = options_.monitor, .better = options_.better}) {
    EpochRecord{}.figure(options_.monitor);
    make_folder(folder_ / "events");
    remove_abandoned_files(folder_);
    history_.emplace(folder_ / "history.csv");
    timings_.emplace(folder_ / "timings.csv");
    events_.emplace(folder_ / "events" / "events.out.tfevents.mien");
  }

  void on_train_begin(Training&) override {
    if (resumed_) return;
    history_->cut_back(0);
    timings_->cut_back(0);
    events_->cut_back(0);
    history_->append(csv_line({"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}));
    timings_->append(csv_line({"epoch", "seconds", "images_per_second"}));
  }

  void on_epoch_end(Training&, const EpochRecord& record) override {
    const std::string epoch = join(record.epoch + 1);
    history_->append(csv_line({epoch, shortest(record.loss), shortest(record.accuracy), shortest(record.val_loss),
                               shortest(record.val_accuracy), shortest(record.learning_rate)}));
    timings_->append(csv_line({epoch, fixed(record.seconds, 3), fixed(record.images_per_second, 1)}));
    const auto scalar = [&](const char* tag, double value) {
      if (std::isfinite(value)) events_->scalar(tag, record.epoch + 1, static_cast<float>(value));
    };
    scalar("loss/training", record.loss), scalar("loss/validation", record.val_loss);
    scalar("accuracy/training", record.accuracy), scalar("accuracy/validation", record.val_accuracy);
    scalar("learning_rate", record.learning_rate);

    const double figure = record.figure(options_.monitor);
    if (best_.feed(record.epoch, std::isnan(figure) ? record.loss : figure).keep_weights) {
      is_best_ = true;
      best_figure_ = record;
    }
  }

  void on_checkpoint(Training& training) override {
    history_->flush();
    timings_->flush();
    events_->flush();
    Metadata metadata = options_.metadata;
    if (is_best_) {
      metadata["epoch"] = join(best_figure_.epoch + 1);
      metadata["val_loss"] = shortest(best_figure_.val_loss);
      metadata["val_accuracy"] = shortest(best_figure_.val_accuracy);
      mien::save(options_.whole ? *options_.whole : training.model(), folder_ / "best.safetensors", metadata);
      is_best_ = false;
    }
    const fs::path last = folder_ / "last", next = make_folder_beside(last);
    mien::save(training.model(), next / "weights.safetensors", options_.metadata);
    training.state().write(next / "training.safetensors");
    replace_folder_atomically(next, last);
  }

  void save(TrainingState& state) const override {
    state.set("run_folder.history", static_cast<std::int64_t>(history_->length()));
    state.set("run_folder.timings", static_cast<std::int64_t>(timings_->length()));
    state.set("run_folder.events", static_cast<std::int64_t>(events_->length()));
    state.set("run_folder.best", best_.best());
    state.set("run_folder.best_epoch", std::int64_t{best_.best_epoch()});
    state.set("run_folder.fed", std::int64_t{best_.fed()});
  }

  void restore(const TrainingState& state) override {
    history_->cut_back(static_cast<std::uint64_t>(state.integer("run_folder.history")));
    timings_->cut_back(static_cast<std::uint64_t>(state.integer("run_folder.timings")));
    events_->cut_back(static_cast<std::uint64_t>(state.integer("run_folder.events")));
    best_.restore(static_cast<int>(state.integer("run_folder.best_epoch")), state.number("run_folder.best"), 0,
                  state.integer("run_folder.fed") != 0);
    resumed_ = true;
  }

 private:
  fs::path folder_;
  RunFolderOptions options_;
  EarlyStoppingRule best_;
  std::optional<AppendLog> history_, timings_;
  std::optional<EventLog> events_;
  EpochRecord best_figure_;
  bool is_best_ = false, resumed_ = false;
};

}  // namespace

RunFolder::RunFolder(const fs::path& folder, RunFolderOptions options)
    : Callback(std::make_shared<RunFolderModule>(folder, std::move(options))) {}

std::optional<TrainingState> last_checkpoint(const fs::path& folder) {
  if (!recover_folder(folder / "last")) return std::nullopt;
  return TrainingState::read(folder / "last" / "training.safetensors");
}

void clear_run(const fs::path& folder) {
  for (const char* name : {"last", "config.json", "best.safetensors", "history.csv", "timings.csv", "metrics.json",
                           "report.html", "events/events.out.tfevents.mien"}) {
    std::error_code problem;
    fs::remove_all(folder / name, problem);
    check(!problem || problem == std::errc::not_a_directory, (folder / name).string(),
          "it cannot be removed: ", problem.message(), ".");
  }
}

std::string to_json(const Metrics& metrics, double loss) {
  nlohmann::ordered_json classes = nlohmann::ordered_json::array();
  for (const ClassMetrics& one : metrics.classes)
    classes.push_back({{"name", one.name},
                       {"support", one.support},
                       {"precision", one.precision},
                       {"recall", one.recall},
                       {"f1", one.f1}});
  const nlohmann::ordered_json json{{"count", metrics.count},
                                    {"loss", loss},
                                    {"accuracy", metrics.accuracy},
                                    {"macro_precision", metrics.macro_precision},
                                    {"macro_recall", metrics.macro_recall},
                                    {"macro_f1", metrics.macro_f1},
                                    {"classes", classes},
                                    {"confusion", metrics.confusion}};
  return json.dump(2) + "\n";
}

}  // namespace mien
