// The figures of the report that are drawn from numbers.
#pragma once

#include "mien/io/plot.h"
#include "report_runs.h"

namespace mien::expressions::study {

/// What a learning curve shows.
enum class Curve { loss, accuracy, val_loss, val_accuracy };

/// A group's mean over its seeds, epoch by epoch, with a band of one standard deviation to either side. It goes as far
/// as every seed does: an end that only some seeds reach would not be comparable with what lies before it.
PlotSeries curve_of(const RunGroup& group, Curve curve, const std::string& name);

/// Learning curves of several networks as one numbered figure of small plots: of section 3 the training loss and
/// accuracy; from section 4 on the validation loss and accuracy, by both splits. Plots without a run are left out and
/// said so; where there is none, the block is a text.
DocumentBlock curves_figure(const StudyRuns& runs, int section);

/// The test accuracies of a section's networks by both splits, with the report's own where it gives them; a text where
/// none was run.
DocumentBlock accuracy_figure(const StudyRuns& runs, int section);

/// Figure 3: the summary of a network as Keras prints it, drawn, with a bar for each layer's share of the parameters; a
/// text where it was not run.
DocumentBlock summary_figure(const StudyRuns& runs, const std::string& variant);

/// How often each grey value stands in the pictures, before and after normalisation.
DocumentGroup normalisation_figure(const Study& study);

/// Training and validation curves of one group.
DocumentFigure group_curves_figure(const RunGroup& group, bool loss, const std::string& id);

}  // namespace mien::expressions::study
