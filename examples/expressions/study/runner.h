// Trains what a plan asks for, each training in a folder of its own.
#pragma once

#include <filesystem>
#include <functional>

#include "mien/data/dataset.h"
#include "plan.h"

namespace mien::expressions::study {

/// A study's folder, for one process at a time: the lock falls when the process ends, however it ends.
class StudyLock {
 public:
  /// Makes the folder where it is not there. Throws Error where another process has it.
  explicit StudyLock(const std::filesystem::path& study);
  ~StudyLock();
  StudyLock(const StudyLock&) = delete;
  StudyLock& operator=(const StudyLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// Of section 7, the bases' weights are those of `bases`. Trains the runs of the plan that are not finished yet, in its
/// order, and scores each. One that was stopped goes on from its last checkpoint to the same bits; a finished one is
/// left alone. Returns false where `should_stop`, asked after every step, ended it before all were done.
bool train_all(const StudyPlan& plan, const Dataset& data, const std::vector<StudyBase>& bases,
               const std::filesystem::path& study, const std::function<bool()>& should_stop, bool quiet);

}  // namespace mien::expressions::study
