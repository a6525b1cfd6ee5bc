// Each network's own pages: what it takes for what, how sure it is, and what it gets wrong.
#pragma once

#include "report_runs.h"

namespace mien::expressions::study {

/// The test sides of a group's runs, one after another.
struct PooledTest {
  std::vector<std::int32_t> labels, predictions;
  std::vector<float> probabilities;
  std::vector<std::string> groups;  ///< empty where they are not known
};
PooledTest pooled_test(const RunGroup& group);

/// Precision, recall and F1 of every class and their average, with 95 % intervals over people.
DocumentTable class_figures_table(const StudyRuns& runs, const RunGroup& group, const std::string& id);

/// How often the network is right where it is so and so sure.
DocumentFigure reliability_figure(const RunGroup& group, const std::string& id);

/// All of a variant, folded; its id is "model-" and the variant's. Sentences and figures are of the method that the
/// report speaks of, the table of runs is of all.
DocumentFold model_fold(const StudyRuns& runs, const std::string& variant);

}  // namespace mien::expressions::study
