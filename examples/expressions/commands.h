// The commands, one file each. They print results to stdout, progress and remarks to stderr, throw Error for work that
// failed and UsageError for wrong usage, and return the exit code.
#pragma once

#include "options.h"

namespace mien::expressions {

int synth(const SynthOptions& options, const OutputOptions& output);
int prepare(const PrepareOptions& options, const OutputOptions& output);
int train(TrainCommand command, const OutputOptions& output);
int evaluate(const EvaluateOptions& options, const OutputOptions& output);
int predict(const PredictOptions& options, const OutputOptions& output);
int run_study(StudyCommand command, const OutputOptions& output);
int explain(const ExplainOptions& options, const OutputOptions& output);
int weights(const WeightsOptions& options, const OutputOptions& output);
int info(const OutputOptions& output);
int demo(const DemoOptions& options, const OutputOptions& output);

/// After Ctrl-C, as a shell counts it: 128 + SIGINT.
inline constexpr int exit_interrupted = 130;

}  // namespace mien::expressions
