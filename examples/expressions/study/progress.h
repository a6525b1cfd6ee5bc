// How far a study is, on stderr: on a terminal one line redrawn in place, elsewhere now and then a line.
#pragma once

#include <string>

#include "mien/train/callbacks.h"
#include "plan.h"

namespace mien::expressions::study {

/// Counts in estimated seconds: what is left of the plan, at the speed that was seen so far, is the time still to wait.
class StudyProgress {
 public:
  /// `quiet` prints nothing.
  StudyProgress(const StudyPlan& plan, bool quiet);

  /// Takes up a run, the `index`th of the plan.
  void begin(std::size_t index);
  /// The callback that follows the run's training.
  Callback callback();
  /// The run is over and came to this; one line.
  void finish(const std::string& outcome);
  /// The run was finished by an earlier session.
  void skip(std::size_t index);
  /// Takes the line off the terminal, so that something else can be printed.
  void clear();

  void show(double share_of_run, const std::string& figures, bool end_of_epoch);

 private:
  std::string remaining(double share_of_run) const;

  const StudyPlan& plan_;
  bool quiet_, terminal_;
  std::size_t index_ = 0;
  double left_ = 0;                   ///< estimated seconds of the runs behind this one
  double estimated_ = 0, taken_ = 0;  ///< of what this session trained: by the plan, and by the clock
  double began_ = 0, shown_ = 0, share_at_begin_ = -1;
  double share_ = 0;
  int drawn_ = 0;
};

/// "Best, random split, seed 2 (section 4)".
std::string run_title(const StudyPlan& plan, const StudyRun& run);

}  // namespace mien::expressions::study
