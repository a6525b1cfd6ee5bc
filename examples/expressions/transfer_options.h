// The options of `train` that are about a pretrained base.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pretraining.h"
#include "run_config.h"
#include "transfer_training.h"

namespace mien::expressions {

/// Fills in what follows from the options that were `given`: the network's name, and what --pretrain has instead of
/// defaults. `named` are those of the command line. Throws UsageError for options that exclude each other.
void settle_transfer(TrainOptions& options, const std::vector<std::string>& given,
                     const std::vector<std::string>& named);

/// Throws UsageError for values out of their ranges.
void check_transfer_options(const TrainOptions& options);

/// Whether a base is asked for.
inline bool has_base(const TrainOptions& options) { return !options.base.empty(); }

TransferName transfer_name_of(const TrainOptions& options);
TransferSetup transfer_setup_of(const TrainOptions& options);
Pretraining pretraining_of(const TrainOptions& options);

}  // namespace mien::expressions
