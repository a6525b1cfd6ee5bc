#include "classifier.h"

#include <nlohmann/json.hpp>

#include "mien/core/build_info.h"
#include "mien/core/numbers.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/core/ops/softmax.h"
#include "mien/train/flips.h"
#include "networks.h"

namespace mien::expressions {
namespace {

/// What files say that were written when there was one network.
constexpr const char* former_name = "seed_network";

/// A value of the metadata; Error where the file lacks it.
const std::string& value_of(const Metadata& metadata, const std::string& key, const std::string& file) {
  const auto found = metadata.find(key);
  check(found != metadata.end(), file, "the file's metadata has no \"", key,
        "\": it is no classifier of this program.");
  return found->second;
}

double number_of(const Metadata& metadata, const std::string& key, const std::string& file, double low, double high) {
  const std::string& text = value_of(metadata, key, file);
  const auto number = parse_number(text);
  check(number && *number >= low && *number <= high, file, "\"", key, "\" must be a number in ", low, " … ", high,
        ". Got \"", text, "\".");
  return *number;
}

}  // namespace

std::string framing_name(Framing framing) { return framing == Framing::centre ? "centre" : "whole"; }

Framing parse_framing(const std::string& name) {
  check(name == "centre" || name == "whole", "framing", "framings are centre and whole. Got \"", name, "\".");
  return name == "centre" ? Framing::centre : Framing::whole;
}

Metadata describe_classifier(const std::string& network, const std::vector<std::string>& class_names,
                             const Input& input) {
  return {{"network", network},
          {"classes", nlohmann::json(class_names).dump()},
          {"size", join(input.size)},
          {"channels", join(input.channels)},
          {"colour", input.channels == 1 ? "grey, ITU-R 601" : "red, green, blue"},
          {"framing", framing_name(input.framing)},
          {"input_scale", shortest(input.scale)},
          {"flips", input.flips ? "on" : "off"},
          {"outputs", "logits, one a class; softmax gives probabilities"},
          {"version", join("mien ", build_info().version, " ", build_info().commit)}};
}

std::vector<float> Classifier::probabilities(const Image& photograph) const {
  check(!takes_label(network), "predict", "the network \"", network,
        "\" takes the label as part of its input: it cannot tell what is on a photograph.");
  const Image picture = framed(photograph, input.framing, input.size);
  const Tensor bytes = Tensor::from(picture.pixels, {1, input.size, input.size, input.channels});
  const Tensor logits = net(scale_bytes(bytes, input.scale, 0));
  if (!input.flips) return softmax(logits).to_vector();
  return softmax(logits_of_mean(logits, net(scale_bytes(mirrored(bytes), input.scale, 0)))).to_vector();
}

Classifier load_classifier(const std::filesystem::path& run_or_file) {
  const std::filesystem::path path =
      std::filesystem::is_directory(run_or_file) ? run_or_file / "best.safetensors" : run_or_file;
  check(std::filesystem::exists(path), path.string(), "there is no such file. A run writes it after its first epoch.");
  WeightsFile file = read_safetensors(path);
  const std::string source = path.string();
  const auto former = file.metadata.find("architecture");
  const bool has_former_name = former != file.metadata.end() && former->second == former_name;
  const std::string network = has_former_name ? default_network : value_of(file.metadata, "network", source);
  check(is_network(network), source, "\"network\" must be one of ", network_list(), ". Got \"", network, "\".");
  const auto classes = nlohmann::json::parse(value_of(file.metadata, "classes", source), nullptr, false);
  std::vector<std::string> class_names;
  if (classes.is_array())
    for (const auto& name : classes)
      if (name.is_string()) class_names.push_back(name.get<std::string>());
  check(!class_names.empty() && class_names.size() == classes.size(), source,
        "\"classes\" must be a list of names. Got ", value_of(file.metadata, "classes", source), ".");
  Input input;
  input.size = static_cast<int>(number_of(file.metadata, "size", source, 32, 4096));
  input.channels = static_cast<int>(number_of(file.metadata, "channels", source, 1, 3));
  check(input.channels != 2, source, "\"channels\" must be 1 or 3. Got 2.");
  input.framing = parse_framing(value_of(file.metadata, "framing", source));
  input.scale = static_cast<float>(number_of(file.metadata, "input_scale", source, 0, 1e6));
  const auto flips = file.metadata.find("flips");  // absent in files of before
  input.flips = flips != file.metadata.end() && flips->second == "on";

  Model net = network_named(network, {input.size, input.size, input.channels + (takes_label(network) ? 1 : 0)},
                            static_cast<int>(class_names.size()), 0);
  load(net, file, source);
  return {network, std::move(net), std::move(class_names), input, std::move(file.metadata)};
}

}  // namespace mien::expressions
