#include "explain_figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "mien/core/numbers.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/core/ops/softmax.h"
#include "mien/io/colour_map.h"
#include "mien/io/image_grid.h"
#include "mien/io/text.h"
#include "mien/layers/conv2d.h"
#include "networks.h"

namespace mien::expressions {
namespace {

constexpr int face_pixels = 224, map_pixels = 96, filter_pixels = 48;  // longest side as embedded
constexpr std::size_t most_filters = 64, most_layers = 12;
constexpr int longest_name = 28;  // columns of a file name in a title; it must fit on a phone
constexpr float least_scale = 0.01f;

/// As the network wants it: float32, (height, width, channels).
Tensor input_of(const Classifier& classifier, const Face& face) {
  const Image& picture = face.picture;
  return scale_bytes(Tensor::from(picture.pixels, {picture.height, picture.width, picture.channels}),
                     classifier.input.scale);
}

std::size_t largest_index(const std::vector<float>& values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

float probability_of(const Evidence& one, int label) { return one.probabilities.at(static_cast<std::size_t>(label)); }

/// "12.3 points": a difference of probabilities.
std::string points(float difference) { return fixed(100.0 * std::abs(difference), 1) + " points"; }

/// What became of a face, in a few words.
std::string outcome(const Evidence& one, const std::vector<std::string>& names) {
  const std::string& predicted = names.at(static_cast<std::size_t>(one.predicted));
  const std::string share = percent(probability_of(one, one.predicted));
  if (one.face.label < 0) return join(cut_to_width(one.face.name, longest_name), ": ", predicted, " (", share, ")");
  const std::string& truth = names.at(static_cast<std::size_t>(one.face.label));
  return one.face.label == one.predicted ? join(truth, ", recognised (", share, ")")
                                         : join(truth, ", taken for ", predicted, " (", share, ")");
}

GridPicture heat_cell(const Evidence& one, const HeatMap& heat, int label, const std::vector<std::string>& names,
                      const std::string& what) {
  const std::string& name = names.at(static_cast<std::size_t>(label));
  GridPicture cell{.image = heat_picture(one.face, heat), .label = join("Grad-CAM: ", name, what)};
  cell.description = heat.largest > 0
                         ? join("Grad-CAM for ", name, what, ": strongest in the ", place_of_largest(heat.on_picture))
                         : join("Grad-CAM for ", name, what, ": nothing speaks for it");
  if (heat.largest == 0) cell.label += ", nothing";
  return cell;
}

GridPicture occlusion_cell(const Evidence& one, const std::vector<std::string>& names, float scale) {
  const std::string& name = names.at(static_cast<std::size_t>(one.explained));
  const std::vector<float> drops = one.occlusion.drops.to_vector();
  const float largest = drops[largest_index(drops)];
  const std::string effect =
      largest > 0 ? join("covering the ", place_of_largest(one.occlusion.drops), " lowers the probability most, from ",
                         percent(one.occlusion.probability), " to ", percent(one.occlusion.probability - largest))
                  : "covering no part of it lowers the probability";
  return {.image = occlusion_picture(one.face, one.occlusion, scale),
          .label = "occlusion: " + name,
          .description = join("occlusion for ", name, ": ", effect)};
}

/// The convolutions whose maps are shown: all, or of a deep network some from the first to the last.
std::vector<std::string> shown_layers(const Model& net) {
  std::vector<std::string> all;
  for (const Step& step : net.unfused_plan().steps)
    if (dynamic_cast<const Conv2DModule*>(&*step.layer) != nullptr) all.push_back(step.layer->name());
  if (all.size() <= most_layers) return all;
  std::vector<std::string> some;
  for (std::size_t i = 0; i < most_layers; ++i) some.push_back(all[i * (all.size() - 1) / (most_layers - 1)]);
  return some;
}

}  // namespace

Face face_of(const Dataset& data, int index) {
  const Tensor tensor = data.images({index});
  const Shape& shape = tensor.shape();
  Face face{Image(static_cast<int>(shape[1]), static_cast<int>(shape[2]), static_cast<int>(shape[3])), data.name(index),
            data.label(index)};
  face.picture.pixels = tensor.to_vector<std::uint8_t>();
  return face;
}

std::vector<int> telling_faces(const Evaluation& evaluation, int right, int wrong) {
  const std::size_t count = evaluation.labels.size();
  const std::size_t classes = count == 0 ? 0 : evaluation.probabilities.size() / count;
  std::vector<std::size_t> surest(count);
  std::iota(surest.begin(), surest.end(), std::size_t{0});
  const auto sureness = [&](std::size_t i) {
    return evaluation.probabilities[i * classes + static_cast<std::size_t>(evaluation.predictions[i])];
  };
  std::stable_sort(surest.begin(), surest.end(),
                   [&](std::size_t a, std::size_t b) { return sureness(a) > sureness(b); });
  std::vector<int> chosen;
  for (const bool recognised : {true, false}) {
    // Round by round, the surest of each class that is left.
    std::vector<std::pair<int, std::size_t>> turns;  // how many of its class came before, and the place
    std::vector<int> before(classes);
    for (const std::size_t i : surest)
      if ((evaluation.labels[i] == evaluation.predictions[i]) == recognised)
        turns.emplace_back(before[static_cast<std::size_t>(evaluation.labels[i])]++, i);
    std::stable_sort(turns.begin(), turns.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto wanted = static_cast<std::size_t>(std::max(0, recognised ? right : wrong));
    for (std::size_t k = 0; k < std::min(wanted, turns.size()); ++k)
      chosen.push_back(static_cast<int>(turns[k].second));
  }
  return chosen;
}

Explainer::Explainer(const Classifier& classifier) : classifier_(classifier), predictor_(compile(classifier.net)) {
  check(!takes_label(classifier.network), "explain", "the network \"", classifier.network,
        "\" takes the label as part of its input: what it sees is not on a photograph.");
}

Evidence Explainer::evidence(const Face& face, const EvidenceOptions& options) const {
  const Tensor input = input_of(classifier_, face);
  const Model& net = classifier_.net;
  Evidence result{.face = face};
  result.probabilities = softmax(predictor_(input.with_shape(input.shape().with_batch(1)))).to_vector();
  result.predicted = static_cast<int>(largest_index(result.probabilities));
  result.explained = options.explained < 0 ? result.predicted : options.explained;
  result.heat = grad_cam(net, input, result.explained, options.layer);
  result.occlusion = occlusion_map(predictor_, input, result.explained, options.occlusion);
  if (face.label >= 0 && face.label != result.explained) result.truth = grad_cam(net, input, face.label, options.layer);
  return result;
}

Image heat_picture(const Face& face, const HeatMap& heat) {
  return overlay(face.picture, heat.on_picture.to_vector(), ColourMap::viridis);
}

Image occlusion_picture(const Face& face, const OcclusionMap& occlusion, float scale) {
  std::vector<float> values = occlusion.on_picture.to_vector();
  for (float& value : values) value /= scale;
  return overlay(face.picture, values, ColourMap::difference);
}

float occlusion_scale(const std::vector<Evidence>& evidence) {
  float scale = least_scale;
  for (const Evidence& one : evidence)
    for (const float value : one.occlusion.on_picture.to_vector()) scale = std::max(scale, std::abs(value));
  return scale;
}

std::string place_of_largest(const Tensor& map) {
  const auto place = static_cast<std::int64_t>(largest_index(map.to_vector()));
  const std::int64_t height = map.shape()[0], width = map.shape()[1];
  const auto third = [](std::int64_t at, std::int64_t length) {
    return static_cast<std::size_t>((2 * at + 1) * 3 / (2 * length));
  };
  const std::size_t row = third(place / width, height), column = third(place % width, width);
  if (row == 1 && column == 1) return "centre";
  constexpr std::array<const char*, 3> rows{"upper", "middle", "lower"}, columns{"left", "middle", "right"};
  return join(rows[row], ' ', columns[column]);
}

std::string evidence_figure(const std::vector<Evidence>& evidence, const std::vector<std::string>& class_names,
                            const std::string& title) {
  check(!evidence.empty(), "evidence_figure", "there must be a face.");
  const float scale = occlusion_scale(evidence);
  const bool alone = evidence.size() == 1 && title.empty();
  ImageGridPlot plot{.title = alone           ? outcome(evidence[0], class_names)
                              : title.empty() ? "What the answers rest on"
                                              : title,
                     .columns = 3,
                     .pixels = face_pixels};
  for (const Evidence& one : evidence) {
    ImageGridGroup group{.title = alone ? "" : outcome(one, class_names)};
    group.pictures.push_back({.image = one.face.picture,
                              .label = "photograph",
                              .detail = one.face.label < 0 ? "" : std::filesystem::path(one.face.name).stem().string(),
                              .description = "the photograph " + one.face.name});
    group.pictures.push_back(heat_cell(one, one.heat, one.explained, class_names, ""));
    group.pictures.push_back(occlusion_cell(one, class_names, scale));
    if (one.truth) {
      plot.columns = 4;
      group.pictures.push_back(heat_cell(one, *one.truth, one.face.label, class_names, ", true class"));
    }
    plot.groups.push_back(std::move(group));
  }
  const int window = evidence[0].occlusion.window;
  plot.bars = {{.title = "Grad-CAM: evidence for the class, map by map",
                .map = ColourMap::viridis,
                .low = "none",
                .high = "most",
                .overlaid = true},
               {.title = join("Occlusion: ", window, "×", window, " pixels covered, the probability"),
                .map = ColourMap::difference,
                .low = "rises by " + points(scale),
                .middle = "stays",
                .high = "falls by " + points(scale),
                .overlaid = true}};
  return to_svg(plot);
}

std::string filters_figure(const Model& net, const std::string& title) {
  const Filters filters = first_layer_filters(net);
  const Shape& shape = filters.values.shape();
  const auto height = static_cast<int>(shape[1]), width = static_cast<int>(shape[2]);
  const auto channels = static_cast<std::size_t>(shape[3]), cells = static_cast<std::size_t>(shape[1] * shape[2]);
  const std::vector<float> values = filters.values.to_vector();
  const std::size_t all = static_cast<std::size_t>(shape[0]) * channels;
  const std::string size = join(height, "×", width);
  ImageGridGroup group{.title = join(filters.layer, ": ", shape[0], " filters of ", size,
                                     all > most_filters ? join(", the first ", most_filters / channels) : "")};
  for (std::size_t i = 0; i < std::min(all, most_filters / channels * channels); ++i) {
    const std::size_t filter = i / channels, channel = i % channels;
    std::vector<float> kernel;
    for (std::size_t cell = 0; cell < cells; ++cell)
      kernel.push_back(values[(filter * cells + cell) * channels + channel]);
    const std::string label = join(filter + 1, channels > 1 ? join(", channel ", channel + 1) : "");
    group.pictures.push_back({.image = coloured(kernel, height, width, ColourMap::difference),
                              .label = label,
                              .description = "filter " + label,
                              .pixelated = true});
  }
  const std::string largest = fixed(filters.largest, 3);
  return to_svg(
      {.title = title,
       .groups = {std::move(group)},
       .columns = 8,
       .pixels = filter_pixels,
       .description = join("The kernels of ", filters.layer, ", the first convolution: ", shape[0], " filters of ",
                           size, " weights, from -", largest, " (blue) over 0 (white) to ", largest, " (orange)."),
       .bars = {
           {.title = "Weight", .map = ColourMap::difference, .low = "-" + largest, .middle = "0", .high = largest}}});
}

std::string feature_maps_figure(const Classifier& classifier, const Face& face, int maps, const std::string& title) {
  check(maps >= 1, "feature_maps_figure", "at least 1 map a layer must be shown. Got ", maps, ".");
  ImageGridPlot plot{.title = title, .columns = maps, .pixels = map_pixels};
  plot.groups.push_back({.pictures = {{.image = face.picture, .label = "input", .description = face.name}}});
  std::string layers;
  for (const FeatureMaps& layer :
       feature_maps(classifier.net, input_of(classifier, face), shown_layers(classifier.net))) {
    const Shape& shape = layer.values.shape();
    const auto height = static_cast<int>(shape[0]), width = static_cast<int>(shape[1]);
    const auto channels = static_cast<std::size_t>(shape[2]), cells = static_cast<std::size_t>(shape[0] * shape[1]);
    const std::vector<float> values = layer.values.to_vector();
    std::vector<float> low(channels, values[0]), high(channels, values[0]);
    for (std::size_t i = 0; i < channels; ++i) low[i] = high[i] = values[i];
    for (std::size_t i = 0; i < values.size(); ++i) {
      low[i % channels] = std::min(low[i % channels], values[i]);
      high[i % channels] = std::max(high[i % channels], values[i]);
    }
    const auto range = [&](std::size_t channel) { return high[channel] - low[channel]; };
    std::vector<std::size_t> order(channels);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return range(a) > range(b); });
    const auto still = static_cast<std::size_t>(
        std::count_if(order.begin(), order.end(), [&](std::size_t channel) { return range(channel) == 0; }));
    order.resize(std::min(channels, static_cast<std::size_t>(maps)));
    std::sort(order.begin(), order.end());
    const std::string about = join(layer.layer, ": ", channels, " maps of ", height, "×", width,
                                   still > 0 ? join(", ", still, " of one value") : "");
    ImageGridGroup group{.title = about};
    layers += join(' ', about, '.');
    for (const std::size_t channel : order) {
      std::vector<float> map(cells);
      for (std::size_t cell = 0; cell < cells; ++cell)
        map[cell] = range(channel) > 0 ? (values[cell * channels + channel] - low[channel]) / range(channel) : 0;
      group.pictures.push_back({.image = coloured(map, height, width, ColourMap::grey),
                                .label = join(channel + 1),
                                .description = join("map ", channel + 1, " of ", layer.layer, ", from ",
                                                    fixed(low[channel], 3), " to ", fixed(high[channel], 3)),
                                .pixelated = std::max(height, width) <= map_pixels});
    }
    plot.groups.push_back(std::move(group));
  }
  plot.description = join("What the convolutions make of ", face.name,
                          ", the maps of each that vary most, dark where low, light where high.", layers);
  plot.bars = {{.title = "Each map from its lowest value to its highest",
                .map = ColourMap::grey,
                .low = "lowest",
                .high = "highest"}};
  return to_svg(plot);
}

}  // namespace mien::expressions
