// A training of section 7: a head on the features of a pretrained base.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "../transfer_training.h"
#include "bases.h"
#include "plan.h"

namespace mien::expressions::study {

/// A network whose base has its weights, and what it makes of the pictures.
struct TransferRun {
  models::TransferNetwork network;
  Split features;
};

/// Makes them, with the features from STUDY/features as far as they are there, and drawn faces' weights in
/// STUDY/pretraining-INPUT. Nothing where `should_stop` ended it.
std::optional<TransferRun> make_transfer_run(const StudyRun& run, const Split& pictures, const StudyOptions& options,
                                             const StudyBase& base, const std::filesystem::path& study,
                                             const std::function<bool()>& should_stop, bool quiet);

/// The same pictures at another size.
Dataset resized(const Dataset& data, int size);

}  // namespace mien::expressions::study
