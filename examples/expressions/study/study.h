// A finished study, as its report is made from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mien/data/dataset.h"
#include "plan.h"
#include "result.h"

namespace mien::expressions::study {

/// What study.json records of the place and the day; these alone differ between two runs of one plan.
struct Surroundings {
  std::string version, machine, threads;
  std::string started, finished;  ///< "2026-11-24 17:03 UTC"; started: of the session that wrote the plan
};

struct Study {
  std::filesystem::path folder;
  StudyPlan plan;
  Dataset data;  ///< all pictures
  std::vector<StudyResult> results;
  Surroundings surroundings;
};

/// The pictures that the options ask for: photographs, "grey" or "rgb", or drawn faces, which are grey.
Dataset read_pictures(const StudyOptions& options, bool quiet, const std::string& colour = "grey");
StudyPictures describe_pictures(const Dataset& data);

/// The results of a section, method and split (in the plan's order: by variant, then seed).
std::vector<const StudyResult*> results_of(const Study& study, int section, const std::string& split,
                                           const std::string& method);

/// Writes study.json: data, options, runs with their results, and, in members of their own, surroundings and timings.
void write_study_json(const Study& study);

/// Reads the plan and all finished results of a study's folder. Throws Error where no plan is there.
Study read_study(const std::filesystem::path& folder, bool quiet);

}  // namespace mien::expressions::study
