// Sentences made from the numbers. None claims what they do not show: a difference that the test does not show is
// called so, with one seed no deviation is given, and what was not run is not spoken of as if it had been.
#pragma once

#include <optional>

#include "report_compare.h"
#include "report_runs.h"

namespace mien::expressions::study {

/// What was done and what came out, five to eight sentences.
std::vector<std::string> findings(const StudyRuns& runs);

/// Why a section's figures differ from the report's: whatever is different between the two studies.
std::string why_they_differ(const StudyRuns& runs, int section);

/// What the size of the pictures changes of a network's parameters; empty at the report's size.
std::string size_remark(const StudyRuns& runs);

/// What a section shows, sentence by sentence.
std::vector<std::string> overfit_sentences(const StudyRuns& runs);
std::vector<std::string> notebook_sentences(const StudyRuns& runs);
/// How much higher the random split scores than that by person, over all networks and seeds of section 4.
std::string leak_worth(const StudyRuns& runs);
std::vector<std::string> leak_sentences(const StudyRuns& runs);
std::vector<std::string> section_sentences(const StudyRuns& runs, int section);
std::vector<std::string> pretrained_sentences(const StudyRuns& runs);
std::vector<std::string> recipe_sentences(const StudyRuns& runs);
/// How the two methods' figures compare; empty where only one was run.
std::vector<std::string> method_sentences(const StudyRuns& runs);

/// The variant of these sections with the highest mean test accuracy by person (or, without that split, at random);
/// "" where none was run.
std::string best_of_sections(const StudyRuns& runs, const std::vector<int>& sections);

/// Share that is right when one class is always named: the most frequent one's of the scored pictures.
double chance_of(const StudyResult& run);
/// Whether a run may be guessing: the 95 % interval of its accuracy reaches down to chance_of().
bool at_chance(const StudyResult& run);

}  // namespace mien::expressions::study
