#include "networks.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "mien/core/nearest_name.h"
#include "mien/kernels/error.h"
#include "mien/models/notebook.h"
#include "mien/models/seed.h"
#include "mien/models/small_face.h"
#include "transfer_name.h"

namespace mien::expressions {
namespace {

struct Entry {
  std::string name, about;
  std::function<Sequential(int classes)> make;
  std::function<Sequential(const Shape& input, int classes)> make_for = {};  ///< where the pictures' size counts
};

std::function<Sequential(int)> seed_family(models::SeedNetworkOptions options) {
  return [options](int classes) { return models::seed_network(classes, options); };
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all{
      {"attempt_1",
       "Convolutions 8-16-32, each with a 2x2 max-pool, then Dense 16. Ours: the report's is not on record.",
       seed_family({.filters = {8, 16, 32}, .hidden = 16})},
      {"attempt_2",
       "Convolutions 8-16-32-64, each with a 2x2 max-pool, then Dense 32. Ours: the report's is not on record.",
       seed_family({.filters = {8, 16, 32, 64}, .hidden = 32})},
      {"attempt_3",
       "Convolutions 8-16-32-64-128, each with a 2x2 max-pool, then Dense 128. Ours: the report's is not on record.",
       seed_family({.hidden = 128})},
      {"best",
       "Convolutions 8-16-32-64-128, each with a 2x2 max-pool, then Dense 256: the report's best and largest (its "
       "Figure 3).",
       seed_family({})},
      {"baseline",
       "Convolutions 64-32-16, 4x4 max-pools after the first two, then Dense 5 with a ReLU: of the authors' earlier "
       "notebook, where it stayed at chance.",
       models::notebook_baseline},
      {"overfit",
       "Convolutions 64-32-16-8, 2x2 max-pools after the first three, then Dense 128: of the authors' earlier "
       "notebook.",
       models::notebook_overfit},
      {"label_as_input",
       "One convolution of 5 filters on pictures whose second channel is the label: the earlier notebook's check that "
       "training works at all.",
       models::notebook_label_as_input},
      {"l2", "The best network with an L2 penalty on the weights of the first convolution.",
       seed_family({.kernel_regularizer = l2(l2_kernel_factor)})},
      {"l2_activity", "The best network with an L2 penalty on the output of the first convolution.",
       seed_family({.activity_regularizer = l2(l2_activity_factor)})},
      {"dropout", "The best network with dropout after the last max-pool.", seed_family({.dropout = dropout_rate})},
      {"batch_norm",
       "The best network with batch normalisation after the last convolution's ReLU, before its max-pool.",
       seed_family({.batch_normalization = true})},
      {"all_three", "The best network with L2 on the first convolution's weights, dropout and batch normalisation.",
       seed_family({.kernel_regularizer = l2(l2_kernel_factor), .dropout = dropout_rate, .batch_normalization = true})},
      {"all_three_activity",
       "The best network with L2 on the first convolution's output, dropout and batch normalisation.",
       seed_family(
           {.activity_regularizer = l2(l2_activity_factor), .dropout = dropout_rate, .batch_normalization = true})},
      {"small_face",
       "The middle of the pictures, averaged down to a side of about 50 and standardised, then convolutions "
       "16-32-64-128 with batch normalisation, dropout, one "
       "Dense layer: ours, for few photographs.",
       {},
       models::small_face_network},
  };
  return all;
}

const Entry& entry(const std::string& name) {
  for (const Entry& one : entries())
    if (one.name == name) return one;
  fail("network", "there is no network \"", name, "\". The nearest is \"", nearest_name(name, network_names()), "\".");
}

}  // namespace

const std::vector<std::string>& network_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Entry& one : entries()) result.push_back(one.name);
    return result;
  }();
  return names;
}

bool is_network(const std::string& name) {
  return std::find(network_names().begin(), network_names().end(), name) != network_names().end() ||
         parse_transfer_name(name);
}

std::string network_list() {
  std::string list;
  for (const std::string& name : network_names()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

std::string describe_network(const std::string& name) {
  const auto transfer = parse_transfer_name(name);
  return transfer ? describe_transfer(*transfer) : entry(name).about;
}

float input_scale_of(const std::string& name) { return parse_transfer_name(name) ? 1.0f : 1 / 255.0f; }

Model network_named(const std::string& name, const Shape& input, int classes, std::uint64_t seed) {
  if (const auto transfer = parse_transfer_name(name)) return make_transfer(*transfer, input, classes, seed).net;
  const Entry& found = entry(name);
  Sequential net = found.make_for ? found.make_for(input, classes) : found.make(classes);
  net.build(input, seed);
  return net;
}

int scoring_batch_of(const std::string& name) { return parse_transfer_name(name) ? 16 : 64; }

bool takes_label(const std::string& name) { return name == "label_as_input"; }

Dataset with_label_channel(const Dataset& data) {
  check(data.dtype() == DType::uint8, "label channel", "the pictures must be bytes.");
  std::vector<int> all(static_cast<std::size_t>(data.size()));
  std::iota(all.begin(), all.end(), 0);
  const Shape shape = data.image_shape();
  const std::int64_t area = shape[0] * shape[1], channels = shape[2];
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(data.size() * area * (channels + 1)));
  LabelledImages labelled;
  std::uint8_t* next = pixels.data();
  for (int i = 0; i < data.size(); ++i) {
    const auto label = static_cast<std::uint8_t>(255 * data.label(i) / std::max(1, data.class_count() - 1));
    const std::uint8_t* pixel = data.pixels<std::uint8_t>(i);
    for (std::int64_t at = 0; at < area; ++at, pixel += channels) {
      next = std::copy(pixel, pixel + channels, next);
      *next++ = label;
    }
    labelled.labels.push_back(data.label(i));
    labelled.names.push_back(data.name(i));
    if (data.has_groups()) labelled.groups.push_back(data.group(i));
  }
  labelled.images = Tensor::from(pixels, {data.size(), shape[0], shape[1], channels + 1});
  labelled.class_names = data.class_names();
  return Dataset(std::move(labelled));
}

}  // namespace mien::expressions
