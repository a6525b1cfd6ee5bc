// The networks by their names: what --network takes and a weights file's metadata says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mien/data/dataset.h"
#include "mien/layers/model.h"

namespace mien::expressions {

/// The network that `train` takes where no other is named: the report's best.
inline constexpr const char* default_network = "best";

/// Factors that the report does not tell, so these are ours. The penalty on the first convolution's output sums over
/// half a million numbers a picture, hence the smaller factor.
inline constexpr float l2_kernel_factor = 0.01f, l2_activity_factor = 1e-4f, dropout_rate = 0.5f;

/// The names of our own networks, in the order of the report's sections. Besides them there are the pretrained ones
/// (transfer_name.h).
const std::vector<std::string>& network_names();

bool is_network(const std::string& name);

/// "attempt_1, attempt_2, …", for messages and help.
std::string network_list();

/// One sentence for people: the layers, and whose they are.
std::string describe_network(const std::string& name);

/// The network of that name with weights drawn from `seed`, for pictures of shape `input` (height, width, channels).
/// Throws Error, with the nearest name, for one that does not exist, and for pictures too small for its pools.
Model network_named(const std::string& name, const Shape& input, int classes, std::uint64_t seed);

/// What the pixels 0 to 255 are multiplied by before the network sees them: 1/255, or 1 where it prepares them itself.
float input_scale_of(const std::string& name);

/// Pictures in a step where only answers are wanted: fewer for a pretrained base, whose maps take much memory.
int scoring_batch_of(const std::string& name);

/// Whether the network wants the label as a further channel of its pictures.
bool takes_label(const std::string& name);

/// The same pictures (uint8) with one more channel that holds the label: 0 for the first class to 255 for the last.
Dataset with_label_channel(const Dataset& data);

}  // namespace mien::expressions
