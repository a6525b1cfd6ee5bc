#include "mien/train/weights.h"

#include <algorithm>

#include "mien/io/keras_file.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

/// Every way in which the file is not this network's, one a line; empty where it fits.
std::string mismatches(const Model& net, const WeightsFile& file) {
  std::string found;
  const auto parameters = net.parameters();
  for (const auto& parameter : parameters) {
    const Tensor saved = find(file.tensors, parameter->full_name);
    if (!saved.defined())
      found += join("\n  the file has no ", parameter->full_name, " ", parameter->value.shape());
    else if (saved.shape() != parameter->value.shape())
      found += join("\n  ", parameter->full_name, " is ", saved.shape(), " in the file, ", parameter->value.shape(),
                    " in the network");
    else if (saved.dtype() != parameter->value.dtype())
      found += join("\n  ", parameter->full_name, " is ", saved.dtype(), " in the file, ", parameter->value.dtype(),
                    " in the network");
  }
  for (const NamedTensor& saved : file.tensors)
    if (std::none_of(parameters.begin(), parameters.end(),
                     [&](const auto& parameter) { return parameter->full_name == saved.name; }))
      found += join("\n  the network has no ", saved.name, " ", saved.value.shape());
  return found;
}

}  // namespace

void save(const Model& net, const std::filesystem::path& path, const Metadata& metadata) {
  check(net.is_initialized(), "save", "the network has no weights yet: build() or fit() comes first.");
  WeightsFile file;
  for (const auto& parameter : net.parameters())
    file.tensors.push_back({parameter->full_name, parameter->value.detach().to(Device::cpu)});
  file.metadata = metadata;
  write_safetensors(path, file);
}

Metadata load(Model& net, const std::filesystem::path& path) {
  if (is_keras_file(path)) {
    load_weights(net, path);
    return {};
  }
  WeightsFile file = read_safetensors(path);
  load(net, file, path.string());
  return std::move(file.metadata);
}

void load(Model& net, const WeightsFile& file, const std::string& source) {
  check(!net.parameters().empty(), "load", "the network has no layers with weights, or is not built yet.");
  const std::string found = mismatches(net, file);
  check(found.empty(), source, "these are not the weights of the network \"", net.name(), "\":", found);
  for (const auto& parameter : net.parameters()) parameter->value.copy_from(find(file.tensors, parameter->full_name));
  net.mark_initialized();
}

}  // namespace mien
