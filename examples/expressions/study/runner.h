// Trains what a plan asks for, each training in a folder of its own.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

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

/// The pictures of a study: grey ones, and the same in colour for the bases that are planned so, read when the first of
/// them begins.
class StudyData {
 public:
  StudyData(const Dataset& grey, std::function<Dataset()> read_in_colour)
      : grey_(grey), read_in_colour_(std::move(read_in_colour)) {}

  /// As the run sees them.
  const Dataset& of(const StudyRun& run);

 private:
  const Dataset& grey_;
  std::function<Dataset()> read_in_colour_;
  std::optional<Dataset> in_colour_;
};

/// Of section 7, the bases' weights are those of `bases`. Trains the runs of the plan that are not finished yet, in its
/// order, and scores each. One that was stopped goes on from its last checkpoint to the same bits; a finished one is
/// left alone. Returns false where `should_stop`, asked after every step, ended it before all were done.
bool train_all(const StudyPlan& plan, StudyData& data, const std::vector<StudyBase>& bases,
               const std::filesystem::path& study, const std::function<bool()>& should_stop, bool quiet);

}  // namespace mien::expressions::study
