// Pretraining on drawn faces: where no published weights are at hand, a base learns expressions from many faces that
// the program draws, and then sees photographs.
#pragma once

#include <filesystem>
#include <string>

#include "training.h"
#include "transfer_name.h"

namespace mien::expressions {

struct Pretraining {
  int people = 0, takes = 0;  ///< drawn faces: people, and pictures of each expression of each
  int size = 96, epochs = 1;
  std::uint64_t seed = 1;
  Device device = Device::cpu;
  std::function<bool()> should_stop = {};
};

/// What a pretraining came to.
struct PretrainingResult {
  int pictures = 0, epochs = 0;
  double accuracy = 0;   ///< on drawn people that it was not trained on
  bool complete = true;  ///< false where it was stopped
};

/// Trains a network of that name on drawn faces in `folder`, or takes what an earlier call left there, going on where
/// that was stopped; then the base of `network` has its weights. Throws Error where the folder is of another
/// pretraining.
PretrainingResult pretrain(models::TransferNetwork& network, const TransferName& name, const Pretraining& wanted,
                           const std::filesystem::path& folder, bool quiet);

/// "on 4,000 drawn faces of 200 people …", plainly, for reports.
std::string describe_pretraining(const Pretraining& wanted, const PretrainingResult& result);

}  // namespace mien::expressions
