// How fast this machine trains: measured once, before a study is planned.
#pragma once

#include "mien/data/dataset.h"
#include "plan.h"

namespace mien::expressions::study {

/// What to say where other work has taken more than half of the processors, by the load average; else empty.
std::string load_warning(double load, int processors);

/// Measures the networks and augmentations of a study on some of its pictures: a few steps after one to warm up, one
/// pass of scoring and one checkpoint each, in a temporary folder; of a pretrained base, what its features and, on
/// drawn faces, its pretraining take besides. Each is measured once, when it is asked for.
SpeedOf measured_speed(const Dataset& data, const StudyOptions& options, bool quiet);

}  // namespace mien::expressions::study
