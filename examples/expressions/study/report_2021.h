// The figures of the 2021 report, as printed there: what the study's own stand beside.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mien::expressions::study {

/// One row of a table of the report.
struct ReportedRow {
  std::string variant;
  std::string loss;     ///< as printed; "" where the report gives none
  double accuracy = 0;  ///< a share
};

/// The rows of the report's table for a section (3 to 7); none for the others.
const std::vector<ReportedRow>& reported_rows(int section);

/// A variant's row, if the report has it in that section.
std::optional<ReportedRow> reported(int section, const std::string& variant);

/// A variant's row where the report tests it: of section 4 for the networks of section 3, else of its own section.
std::optional<ReportedRow> reported_test(const std::string& variant);

/// Pictures of the report's test side, of all its pictures, and the side of a picture in pixels.
inline constexpr int reported_test_pictures = 200, reported_pictures = 1000, reported_size = 256;

}  // namespace mien::expressions::study
