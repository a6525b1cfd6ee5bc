// Transfer: a network and its parts, blocks that learn and blocks that do not, features that are computed once.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "child_process.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/data/synthetic_faces.h"
#include "mien/io/file.h"
#include "mien/models/transfer.h"
#include "mien/train/features.h"
#include "mien/train/fit.h"

using namespace mien;
using namespace mien::models;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

/// MobileNetV2 of the smallest published width, for drawn faces of 32 x 32.
TransferNetwork small_network(HeadOptions head = {}, std::int64_t channels = 1,
                              Preprocessing preprocessing = Preprocessing::tf) {
  TransferNetwork network = transfer_network(
      "mobilenet_v2",
      {.input = {32, 32, channels}, .classes = 5, .alpha = 0.35, .preprocessing = preprocessing, .head = head});
  initialize(network, 7);
  return network;
}

/// Fifteen pictures of three people.
Dataset faces() { return synthetic_faces({.people = 3, .per_class_per_person = 1, .size = 32, .seed = 4}); }

Tensor some_pixels(std::int64_t channels) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < 2 * 32 * 32 * channels; ++i)
    values.push_back(static_cast<float>(i / channels * 37 % 256));
  return Tensor::from(values, {2, 32, 32, channels});
}

std::map<std::string, std::vector<float>> weights_of(const Model& net) {
  std::map<std::string, std::vector<float>> weights;
  for (const auto& parameter : net.parameters()) weights[parameter->full_name] = parameter->value.to_vector();
  return weights;
}

std::vector<float> all_numbers(const Features& features) {
  std::vector<int> all(static_cast<std::size_t>(features.data.size()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  return features.data.images(all).to_vector();
}

fs::path only_file(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  REQUIRE(files.size() == 1);
  return files[0];
}

}  // namespace

TEST_CASE("the parts of a transfer network are the whole, to the bit, and share its weights") {
  for (const bool pooled : {true, false}) {
    const TransferNetwork network = small_network({.pooled = pooled, .hidden = pooled ? 0 : 8});
    const Tensor x = some_pixels(1);
    CHECK(network.net(x).to_vector() == network.head(network.features(x)).to_vector());
    CHECK(network.net.parameter_count() == network.base.parameter_count() + network.head.parameter_count());
    CHECK(network.features.output_shapes()[0] == Shape{1, 1, 1280});
    CHECK(network.base.layer("Conv1").module() == network.net.layer("Conv1").module());
  }
}

TEST_CASE("a grey picture is one of three equal channels, prepared as the base wants it") {
  const Tensor grey = some_pixels(1), colour = some_pixels(3);
  for (const Preprocessing mode :
       {Preprocessing::unit, Preprocessing::tf, Preprocessing::torch, Preprocessing::caffe}) {
    const TransferNetwork of_grey = small_network({}, 1, mode), of_colour = small_network({}, 3, mode);
    CHECK(of_grey.net(grey).to_vector() == of_colour.net(colour).to_vector());
  }
  const TransferNetwork network = small_network();
  std::vector<float> prepared;
  for (const float pixel : colour.to_vector()) prepared.push_back(pixel / 127.5f - 1);
  const std::vector<float> maps = network.base(Tensor::from(prepared, {2, 32, 32, 3})).to_vector(),
                           features = network.features(grey).to_vector();
  REQUIRE(maps.size() == features.size());  // one place: its mean is itself
  for (std::size_t i = 0; i < maps.size(); ++i) CHECK(features[i] == Approx(maps[i]).margin(1e-4));
  CHECK_THROWS_WITH(small_network({}, 2), Contains("1 or 3"));
  CHECK_THROWS_WITH(transfer_network("xception", {.input = {32, 32, 1}}), Contains("71"));
}

TEST_CASE("only the last blocks and the head learn; batch normalisation stays as it was everywhere") {
  TransferNetwork network = small_network();
  train_last_blocks(network.base, imagenet_facts("mobilenet_v2"), 2);
  const auto before = weights_of(network.net);
  fit(network.net, faces(), {.epochs = 1, .batch = 8, .optimizer = Adam(1e-3), .input_scale = 1});
  std::string changed;
  for (const auto& [name, values] : weights_of(network.net))
    if (values != before.at(name)) changed += name + " ";
  CHECK(changed ==
        "Conv_1/kernel block_16_depthwise/kernel block_16_expand/kernel block_16_project/kernel head_logits/bias "
        "head_logits/kernel ");
  train_last_blocks(network.base, imagenet_facts("mobilenet_v2"), 0);
  for (const auto& parameter : network.net.trainable_parameters())
    CHECK_THAT(parameter->full_name, Contains("head_logits"));
  CHECK_THROWS_WITH(train_last_blocks(network.base, imagenet_facts("mobilenet_v2"), 20), Contains("19 blocks"));
}

TEST_CASE("features are computed once, and the second time come from the cache to the bit") {
  const ScratchFolder place;
  const TransferNetwork network = small_network();
  const Dataset data = faces();
  const FeatureOptions options{.cache = place / "cache", .batch = 4};
  const Features first = features_of(network.features, data, options);
  CHECK(first.found == 0);
  CHECK(first.computed == 15);
  const Features second = features_of(network.features, data, options);
  CHECK(second.found == 15);
  CHECK(second.computed == 0);
  CHECK((all_numbers(first) == all_numbers(second)));
  CHECK((all_numbers(first) == all_numbers(features_of(network.features, data, {.batch = 7}))));
  const std::vector<float> direct = network.features(scale_bytes(data.images({3}), 1, 0)).to_vector();
  const std::vector<float> kept = first.data.images({3}).to_vector();
  for (std::size_t i = 0; i < direct.size(); ++i) CHECK(kept[i] == Approx(direct[i]).margin(1e-4));
  CHECK(second.data.label(3) == data.label(3));
  CHECK(second.data.group(3) == data.group(3));
  const Features some = features_of(network.features, data.subset({14, 2, 2}), options);
  CHECK(some.found == 3);
  CHECK(some.data.images({1}).to_vector() == first.data.images({2}).to_vector());
}

TEST_CASE("each view is its own, the same every time, and the first is the picture") {
  const ScratchFolder place;
  const TransferNetwork network = small_network();
  const Dataset data = faces();
  FeatureOptions options{.cache = place / "cache", .views = 3, .augment = {.rotation = 20}, .seed = 5};
  const Features views = features_of(network.features, data, options);
  CHECK(views.data.size() == 45);
  CHECK(views.data.label(30 + 7) == data.label(7));
  CHECK(views.data.images({7}).to_vector() == features_of(network.features, data).data.images({7}).to_vector());
  CHECK(views.data.images({7}).to_vector() != views.data.images({15 + 7}).to_vector());
  CHECK(views.data.images({15 + 7}).to_vector() != views.data.images({30 + 7}).to_vector());
  const Features again = features_of(network.features, data.subset({7}), options);
  CHECK(again.found == 3);
  CHECK(again.data.images({2}).to_vector() == views.data.images({30 + 7}).to_vector());
  options.seed = 6;
  const Features other = features_of(network.features, data, options);
  CHECK(other.found == 15);
  CHECK(other.computed == 30);
  options.cache.clear();
  CHECK((all_numbers(features_of(network.features, data, options)) == all_numbers(other)));
}

TEST_CASE("work on features that was stopped goes on where it was") {
  const ScratchFolder place;
  const TransferNetwork network = small_network();
  const Dataset data = faces();
  int passes = 0;
  FeatureOptions options{.cache = place / "cache", .batch = 4, .should_stop = [&] { return ++passes > 2; }};
  const Features stopped = features_of(network.features, data, options);
  CHECK(!stopped.complete);
  CHECK(stopped.computed == 8);
  options.should_stop = {};
  const Features rest = features_of(network.features, data, options);
  CHECK(rest.found == 8);
  CHECK(rest.computed == 7);
  CHECK((all_numbers(rest) == all_numbers(features_of(network.features, data))));
}

TEST_CASE("a damaged, shortened or foreign cache is computed again, and no further than needed") {
  const ScratchFolder place;
  const TransferNetwork network = small_network();
  const Dataset data = faces();
  const FeatureOptions options{.cache = place / "cache", .batch = 4};
  const std::vector<float> right = all_numbers(features_of(network.features, data, options));
  const fs::path file = only_file(place / "cache");
  const std::string whole = contents(file);
  const std::size_t record = 16 + 1280 * 4 + 4, header = whole.size() - 15 * record;
  const auto spoilt = [&](const std::string& bytes, int found) {
    write_file_atomically(file, bytes);
    const Features mended = features_of(network.features, data, options);
    CHECK(mended.found == found);
    CHECK(mended.computed == 15 - found);
    CHECK((all_numbers(mended) == right));
    CHECK(features_of(network.features, data, options).found == 15);
  };
  std::string flipped = whole;
  flipped[header + 6 * record + 100] ^= 1;
  spoilt(flipped, 6);
  spoilt(whole.substr(0, header + 9 * record + 17), 9);
  spoilt(whole.substr(0, header), 0);
  spoilt(whole.substr(0, 5), 0);
  spoilt("", 0);
  spoilt("something else\n" + whole, 0);
}

TEST_CASE("other weights, another layer setting or another scale mean another cache") {
  const ScratchFolder place;
  const Dataset data = faces();
  TransferNetwork network = small_network();
  FeatureOptions options{.cache = place / "cache"};
  features_of(network.features, data, options);
  const std::string fingerprint = fingerprint_of(network.features);
  CHECK(fingerprint == fingerprint_of(small_network().features));
  CHECK(fingerprint != fingerprint_of(small_network({}, 1, Preprocessing::unit).features));
  options.input_scale = 0.5f;
  CHECK(features_of(network.features, data, options).found == 0);
  options.input_scale = 1;
  const auto bias = network.base.layer("Conv_1_bn")->parameters()[1];
  std::vector<float> values = bias->value.to_vector();
  values[7] += 1e-6f;
  bias->value.copy_from(Tensor::from(values, bias->value.shape()));
  CHECK(fingerprint != fingerprint_of(network.features));
  CHECK(features_of(network.features, data, options).found == 0);
}

TEST_CASE("a head trained on features knows as much as part of the whole network") {
  TransferNetwork network = small_network();
  const Dataset data = faces();
  set_trainable(network.base.layers(), false);
  const Dataset seen = features_of(network.features, data).data;
  fit(network.head, seen, {.epochs = 5, .batch = 8, .optimizer = Adam(1e-2)});
  const Evaluation by_features = evaluate(network.head, seen), whole = evaluate(network.net, data, {.input_scale = 1});
  CHECK(whole.loss == Approx(by_features.loss).epsilon(1e-3));
  CHECK(whole.predictions == by_features.predictions);
  CHECK_THROWS_WITH(features_of(network.features, data.subset({})), Contains("no picture"));
  CHECK_THROWS_WITH(features_of(network.head, seen), Contains("maps"));
}
