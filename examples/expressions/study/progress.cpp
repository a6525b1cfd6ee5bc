#include "progress.h"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>

#include "mien/core/numbers.h"
#include "mien/io/text.h"
#include "mien/kernels/error.h"
#include "variants.h"

namespace mien::expressions::study {
namespace {

constexpr int line_width = 119;
/// Seconds between two redraws on a terminal, and between two lines elsewhere.
constexpr double redraw_every = 0.25, line_every = 30;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

class Follower : public CallbackModule {
 public:
  explicit Follower(StudyProgress& progress) : progress_(progress) {}
  void on_train_begin(Training& training) override { tell(training, "", false); }
  void on_batch_end(Training& training) override {
    tell(training, join("loss ", fixed(training.running_loss(), 4)), false);
  }
  void on_epoch_end(Training& training, const EpochRecord& record) override {
    std::string figures = join("loss ", fixed(record.loss, 4));
    if (!std::isnan(record.val_loss)) figures += join(", val_loss ", fixed(record.val_loss, 4));
    tell(training, figures, true);
  }

 private:
  void tell(Training& training, const std::string& figures, bool end_of_epoch) {
    const double epochs_done =
        training.epoch() + static_cast<double>(training.images()) / std::max(1, training.images_in_epoch());
    progress_.show(epochs_done / std::max(1, training.epochs()),
                   join("epoch ", training.epoch() + 1, "/", training.epochs(), figures.empty() ? "" : "  ", figures),
                   end_of_epoch);
  }

  StudyProgress& progress_;
};

}  // namespace

std::string run_title(const StudyPlan& plan, const StudyRun& run) {
  std::string title = variant(run.variant).title;
  if (run.split != "all") title += join(", ", run.split == "group" ? "split by person" : "random split");
  if (plan.options.method == "both") title += join(", ", run.method, " method");
  return join(title, ", seed ", run.seed, " (section ", run.section, ")");
}

StudyProgress::StudyProgress(const StudyPlan& plan, bool quiet)
    : plan_(plan), quiet_(quiet), terminal_(::isatty(::fileno(stderr)) == 1) {
  for (double seconds : plan.estimated_seconds) left_ += seconds;
  shown_ = now();
}

void StudyProgress::begin(std::size_t index) {
  index_ = index;
  left_ -= plan_.estimated_seconds[index];
  began_ = now();
  share_at_begin_ = -1, share_ = 0;
}

void StudyProgress::skip(std::size_t index) { left_ -= plan_.estimated_seconds[index]; }

Callback StudyProgress::callback() { return Callback(std::make_shared<Follower>(*this)); }

std::string StudyProgress::remaining(double share_of_run) const {
  const double estimate = plan_.estimated_seconds[index_];
  const double estimated = estimated_ + (share_of_run - std::max(0.0, share_at_begin_)) * estimate;
  const double taken = taken_ + now() - began_;
  // Until something has been seen, the plan's own speed holds.
  const double slowness = (taken + 5) / (estimated + 5);
  return duration(((1 - share_of_run) * estimate + left_) * slowness);
}

void StudyProgress::show(double share_of_run, const std::string& figures, bool end_of_epoch) {
  if (share_at_begin_ < 0) share_at_begin_ = share_of_run;
  share_ = share_of_run;
  if (quiet_ || (!terminal_ && !end_of_epoch) || now() - shown_ < (terminal_ ? redraw_every : line_every)) return;
  shown_ = now();
  const std::string line =
      cut_to_width(join("[", index_ + 1, "/", plan_.runs.size(), "] ", run_title(plan_, plan_.runs[index_]), "  ",
                        figures, "  study: at most ", remaining(share_of_run), " left"),
                   line_width);
  if (!terminal_) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  const int used = columns(line);
  std::fprintf(stderr, "\r%s%*s", line.c_str(), std::max(0, drawn_ - used), "");
  drawn_ = used;
}

void StudyProgress::clear() {
  if (drawn_ > 0) std::fprintf(stderr, "\r%*s\r", drawn_, "");
  drawn_ = 0;
}

void StudyProgress::finish(const std::string& outcome) {
  // Early stopping: only what was trained tells of the speed.
  estimated_ += (share_ - std::max(0.0, share_at_begin_)) * plan_.estimated_seconds[index_];
  taken_ += now() - began_;
  if (quiet_) return;
  clear();
  std::fprintf(stderr, "[%zu/%zu] %s: %s\n", index_ + 1, plan_.runs.size(),
               run_title(plan_, plan_.runs[index_]).c_str(), outcome.c_str());
}

}  // namespace mien::expressions::study
