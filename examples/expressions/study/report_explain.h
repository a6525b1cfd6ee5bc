// What a trained network of the study sees: filters, feature maps, and what its answers rest on.
#pragma once

#include "report_runs.h"

namespace mien::expressions::study {

/// The blocks for one variant, from the weights of the first seed's run on one split (by person where it was run).
/// Where the run or its weights are not there, a text says so. Figures are numbered from `figure` on, which is moved
/// on.
std::vector<DocumentBlock> what_it_sees(const StudyRuns& runs, const std::string& variant, int& figure);

}  // namespace mien::expressions::study
