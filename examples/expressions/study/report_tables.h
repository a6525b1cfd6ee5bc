// The tables of the report. Those with the report's own figures have them in columns beside ours.
#pragma once

#include "report_runs.h"

namespace mien::expressions::study {

/// Table 1: pictures of each class, and people where they are known.
DocumentTable class_table(const Study& study);
/// What became of pictures before the study, as far as it is recorded (prepare.csv in the folder of the pictures).
std::string discarded_sentence(const Study& study);
/// What dividing by 255 does to the pixels: lowest, highest, mean and deviation before and after.
DocumentTable normalisation_table(const Study& study);
/// What the methods "report" and "sound" do differently.
DocumentTable methods_table(const StudyRuns& runs);

/// Table 2: the report's four networks, trained and scored on all pictures.
DocumentTable overfit_table(const StudyRuns& runs);
/// The same of the three networks of the authors' earlier notebook.
DocumentTable notebook_table(const StudyRuns& runs);
/// Table 3: pictures and people of the three sides, by both splits.
DocumentTable split_table(const StudyRuns& runs);
/// Table 4: test accuracy by both splits, and what the leak was worth.
DocumentTable test_table(const StudyRuns& runs);
/// Table 5 and 6: loss and accuracy on the test side by both splits.
DocumentTable section_table(const StudyRuns& runs, int section);
/// Table 7: the pretrained bases, with what their weights are or the command that gets them.
DocumentTable pretrained_table(const StudyRuns& runs);
/// Table 8: the recipe beside the report's best network, plain and at its best.
DocumentTable recipe_table(const StudyRuns& runs);

/// Test pictures of people who were trained on too.
int tested_and_trained_on(const Split& sides);
/// How often each value from 0 to 255 stands in the pictures.
std::vector<std::int64_t> pixel_counts(const Dataset& data);

/// Every run (of a variant, if given): what it was, how it went, what it came to, and where its folder is.
DocumentTable runs_table(const StudyRuns& runs, const std::string& variant = "");
/// Time of an epoch and images a second of each network. Differs from run to run.
DocumentTable timings_table(const StudyRuns& runs);

}  // namespace mien::expressions::study
