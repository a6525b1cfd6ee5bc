// What a study trains: every training by all that decides its result, planned once and kept in plan.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "../options.h"
#include "bases.h"
#include "mien/data/split.h"

namespace mien::expressions::study {

/// One training: all that decides its result, and nothing else.
struct StudyRun {
  std::string variant;  ///< an id of variants.h
  int section = 0;      ///< where it is told of; no part of the key, for one training may serve two sections
  /// "all": trained and scored on every picture (section 3); "random": split by picture; "group": no person on two
  /// sides.
  std::string split = {};
  /// "sound": the best epoch's weights are scored, L2 is on weights. "report": the last epoch's, L2 on the output.
  std::string method = {};
  std::uint64_t seed = 1;  ///< of the split, the weights, the order, dropout and augmentation
  int epochs = 1, patience = 0, batch = 64, size = 256;
  std::string framing = {}, augment = {}, network = {};
  std::string tuning = {};       ///< optimizer, learning rate and what else a recipe settles, in words (recipe.h)
  std::string fingerprint = {};  ///< of the pictures and their labels
  std::string weights = {};      ///< of section 7: what the base's weights are (bases.h)
  std::string colour = "grey";   ///< or "rgb", for a base that sees photographs as they are

  /// 16 hexadecimal digits: the hash (FNV-1a, 64 bits) of canonical_json(). The run's folder is runs/KEY.
  std::string key() const;
  bool operator==(const StudyRun&) const = default;
};

/// All but the section as one line of JSON whose members have a fixed order; it ends with a line break.
std::string canonical_json(const StudyRun& run);

/// A plan. The same pictures, options and speeds give the same one.
struct StudyPlan {
  StudyOptions asked;    ///< as the user gave them; out and plan are empty
  StudyOptions options;  ///< what came of them: seeds, epochs, patience, splits and sections as the budget left them
  int pictures = 0, people = 0;  ///< people: 0 where they are not known
  std::vector<std::string> class_names;
  std::string fingerprint;
  std::vector<StudyRun> runs;             ///< in the order of training
  std::vector<double> estimated_seconds;  ///< of each run, at most: early stopping may end it sooner
  std::vector<std::string> cuts;          ///< what the budget took away, a sentence each
  std::vector<StudyBase> absent = {};     ///< the bases of section 7 that have no weights, and why
  std::vector<std::string> remarks;       ///< what else was decided: a split by person that cannot be made, …
};

/// How long a training takes, measured: seconds a picture trained on, a picture scored, and an epoch besides.
struct Speed {
  double per_training_picture = 0, per_scored_picture = 0, per_epoch = 0;
  /// Before the first run of a base: to pretrain it, and for the features of a picture.
  double once = 0, once_per_picture = 0;
};

/// Of a run's network, size and augmentation.
using SpeedOf = std::function<Speed(const StudyRun& run)>;

/// What plan_study must know of the pictures.
struct StudyPictures {
  int count = 0, people = 0;
  std::vector<std::string> class_names;
  std::string fingerprint;
  bool in_colour = false;  ///< photographs, of which every one has colour
};

/// Plans all trainings that the options ask for. With a budget it takes the most seeds and epochs whose estimate fits,
/// in this order of worth: full epochs with as many seeds as asked for (up to five where none were named) down to two;
/// fewer epochs; one seed; a quarter of the epochs; then sections are left out from the last on. `named` tells which
/// options the user gave. The budget "auto" is 45 minutes for the default study, and none where the user named seeds,
/// method, epochs or patience. Throws UsageError for options out of range and for a budget that nothing fits into.
/// Of section 7, it plans those of `bases` that have weights; by the sound method they see pictures that have colour in
/// it.
StudyPlan plan_study(StudyOptions options, const std::vector<std::string>& named, const StudyPictures& pictures,
                     const SpeedOf& speed, const std::vector<StudyBase>& bases = {});

/// Seconds of "30m", "90s", "2h", "1h30m" or "none" (0); UsageError otherwise.
double budget_seconds(const std::string& text);

/// Throws UsageError for options out of their ranges.
void check_options(const StudyOptions& options);

/// The sections that "3,4,6" or "all" asks for; UsageError for one that has no trainings.
std::vector<int> chosen_sections(const std::string& text);

void write_plan(const std::filesystem::path& file, const StudyPlan& plan);
/// Throws Error where the file is no plan.
StudyPlan read_plan(const std::filesystem::path& file);

/// The three sides of a run. "all" has every picture on the training side and on the test side, and no validation side.
Split sides_of(const StudyRun& run, const Dataset& data);

}  // namespace mien::expressions::study
