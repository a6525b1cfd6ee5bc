// Figures as the report prints them: mean ± standard deviation over the seeds, never a deviation of one value.
#pragma once

#include <string>
#include <vector>

#include "mien/io/document.h"
#include "report_runs.h"

namespace mien::expressions::study {

/// Four decimals; below 0.001 in powers of ten: "0.0028", "2.7e-07".
std::string loss_text(double loss);

/// "75.5 %", or "75.5 ± 1.2 %" of several.
std::string accuracy_text(const std::vector<double>& shares);
/// "0.0028", or "0.0028 ± 0.0003" of several.
std::string losses_text(const std::vector<double>& losses);
/// "+3.5 points", or "+3.5 ± 1.2 points"; of differences between shares.
std::string points_text(const std::vector<double>& differences);
/// "12", or "12.5 ± 3.5" of several.
std::string count_text(const std::vector<double>& counts);

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& items);
/// "one network", "3 networks"; small numbers in words.
std::string counted(std::int64_t count, const std::string& one, const std::string& many);

/// With its first letter in upper case.
std::string capital(std::string text);

/// The place of a run on the page: its folder.
std::string run_link(const StudyResult& run);

/// A figure of a group that links to its run folders: itself where there is one, else a link a seed. A group without
/// runs shows `missing`.
DocumentCell run_cell(const RunGroup& group, const std::string& text, const std::string& missing);
DocumentCell accuracy_cell(const StudyRuns& runs, const std::string& variant, const std::string& split,
                           const std::string& method);
DocumentCell loss_cell(const StudyRuns& runs, const std::string& variant, const std::string& split,
                       const std::string& method);

}  // namespace mien::expressions::study
