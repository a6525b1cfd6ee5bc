// What a training of the study came to, as its folder runs/KEY tells it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mien/layers/summary.h"
#include "mien/train/fit.h"
#include "plan.h"

namespace mien::expressions::study {

struct StudyResult {
  StudyRun run;
  std::string key;
  std::vector<EpochRecord> history;
  std::string stopped_because;
  int scored_epoch = 0;           ///< whose weights best.safetensors holds and were scored; from 0
  double loss = 0, accuracy = 0;  ///< on the scored side: test, or all pictures for section 3; with the penalties
  Evaluation test = {};           ///< of the scored side, in order
  std::vector<std::string> names, groups;  ///< of the scored pictures, in order; groups are empty where unknown
  double validation_loss = 0, validation_accuracy = 0;  ///< NaN without a validation side
  double train_loss = 0, train_accuracy = 0;            ///< of the scored weights, without augmentation or dropout
  int train_count = 0, validation_count = 0;
  std::int64_t parameters = 0, multiply_adds = 0, activation_bytes = 0;  ///< the last two for one picture
  Summary summary = {};
  /// Timings differ from run to run; they stand in timings.csv and timing.json and never in a compared file.
  double seconds = 0, seconds_per_epoch = 0, images_per_second = 0;
};

/// S/runs/KEY.
std::filesystem::path run_folder(const std::filesystem::path& study, const std::string& key);

/// Whether the training is finished: result.json is written last.
bool is_finished(const std::filesystem::path& folder);

/// Writes predictions.csv, timing.json and then result.json. `seconds` is the wall clock of the whole training.
void write_result(const std::filesystem::path& folder, const StudyResult& result,
                  const std::vector<std::string>& class_names);

/// Reads a finished training of `run`. Throws Error where it is not there or of another configuration.
StudyResult read_result(const std::filesystem::path& folder, const StudyRun& run,
                        const std::vector<std::string>& class_names);

/// Those of a plan's runs that are finished, in its order; one that serves two sections comes twice.
std::vector<StudyResult> read_results(const StudyPlan& plan, const std::filesystem::path& study);

}  // namespace mien::expressions::study
