// The figures of the report that show pictures.
#pragma once

#include "mien/io/image.h"
#include "report_runs.h"

namespace mien::expressions::study {

/// A picture of the data set.
Image picture_of(const Dataset& data, int index);

/// Figure 1: some pictures of every class, spread over it, so that they show more than the first person.
DocumentPictures sample_figure(const Study& study);

/// One picture before normalisation and after it, as the numbers of a small piece.
DocumentTable pixel_table(const Study& study);

/// What each strength of augmentation does, a sentence each.
std::vector<std::string> strength_sentences(const StudyRuns& runs);
/// Some pictures as each strength of augmentation changes them.
DocumentPictures augmented_figure(const StudyRuns& runs);

/// The scored pictures of a run that were taken for another class, the surest mistakes first, at most `most`; no group
/// where there is none.
DocumentPictures mistakes_figure(const Study& study, const StudyResult& result, std::size_t most,
                                 const std::string& id);

}  // namespace mien::expressions::study
