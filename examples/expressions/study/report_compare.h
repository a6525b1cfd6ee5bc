// Whether one network is shown to be better than another, on the same pictures.
#pragma once

#include <string>
#include <vector>

#include "mien/train/comparison.h"
#include "report_runs.h"

namespace mien::expressions::study {

/// Two variants compared on one split, by the seeds that both have.
struct SplitComparison {
  std::string split;
  Comparison result;                ///< of the library; corrected for the others of the section
  std::vector<double> differences;  ///< accuracy of the first less that of the second, a seed each
};

/// The comparisons of a section by the method that sentences speak of, both splits; those whose runs are there. Section
/// 4: the best network with each attempt; 5 and 6: each change with the section's reference; 8: the recipe with the
/// best network, and with the best of sections 5 and 6.
std::vector<SplitComparison> comparisons_of(const StudyRuns& runs, int section);

/// The same as a table.
DocumentTable comparison_table(const StudyRuns& runs, int section);

}  // namespace mien::expressions::study
