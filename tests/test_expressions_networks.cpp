// The networks by name: what they are made of, and that a weights file brings each of them back.
#include <nlohmann/json.hpp>

#include "../examples/expressions/classifier.h"
#include "../examples/expressions/networks.h"
#include "expressions_testing.h"
#include "mien/layers/summary.h"
#include "mien/train/weights.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace {

std::int64_t parameters(const std::string& network, const Shape& input = {256, 256, 1}) {
  return network_named(network, input, 5, 1).parameter_count();
}

}  // namespace

TEST_CASE("the report's networks have the report's numbers of parameters") {
  CHECK(parameters("best") == 2196933);
  CHECK(parameters("baseline") == 44243);
  CHECK(parameters("overfit") == 1074237);
  CHECK(parameters("label_as_input", {256, 256, 2}) == 1638500);
}

TEST_CASE("the attempts of our own grow towards the best network") {
  CHECK(parameters("attempt_1") == 80 + 1168 + 4640 + (32 * 32 * 32 * 16 + 16) + (16 * 5 + 5));
  CHECK(parameters("attempt_2") == 5888 + 18496 + (16 * 16 * 64 * 32 + 32) + (32 * 5 + 5));
  CHECK(parameters("attempt_3") == 24384 + 73856 + (8 * 8 * 128 * 128 + 128) + (128 * 5 + 5));
  CHECK(parameters("attempt_1") < parameters("attempt_2"));
  CHECK(parameters("attempt_2") < parameters("attempt_3"));
  CHECK(parameters("attempt_3") < parameters("best"));
}

TEST_CASE("section 6 adds penalties and dropout without a weight, and batch normalisation with four a filter") {
  for (const char* name : {"l2", "l2_activity", "dropout"}) CHECK(parameters(name) == 2196933);
  for (const char* name : {"batch_norm", "all_three", "all_three_activity"})
    CHECK(parameters(name) == 2196933 + 4 * 128);
}

TEST_CASE("batch normalisation stands between the last convolution and its pool, dropout behind the pool") {
  const Summary summary = summarize(network_named("all_three", {64, 64, 1}, 5, 1));
  std::vector<std::string> kinds;
  for (const SummaryRow& row : summary.rows) kinds.push_back(row.kind);
  const auto at = static_cast<std::size_t>(std::find(kinds.begin(), kinds.end(), "BatchNormalization") - kinds.begin());
  REQUIRE(at + 3 < kinds.size());
  CHECK(at == 9);
  CHECK(kinds[at - 1] == "Conv2D");
  CHECK(kinds[at + 1] == "MaxPooling2D");
  CHECK(kinds[at + 2] == "Dropout");
  CHECK(kinds[at + 3] == "Flatten");
}

TEST_CASE("L2 on the first convolution's weights costs the factor times their squares; the others cost nothing") {
  const Model net = network_named("l2", {32, 32, 1}, 5, 1);
  double squares = 0;
  for (float w : net.parameters().front()->value.to_vector()) squares += static_cast<double>(w) * w;
  CHECK(net.penalty().item() == Approx(l2_kernel_factor * squares));
  for (const char* name : {"best", "dropout", "l2_activity"})
    CHECK_FALSE(network_named(name, {32, 32, 1}, 5, 1).penalty().defined());
}

TEST_CASE("a weights file brings every network back by its name") {
  const ScratchFolder folder;
  for (const std::string& name : network_names()) {
    INFO(name);
    const Model net = network_named(name, {32, 32, takes_label(name) ? 2 : 1}, 3, 7);
    const auto file = folder / (name + ".safetensors");
    save(net, file, describe_classifier(name, {"a", "b", "c"}, {.size = 32}));
    const Classifier classifier = load_classifier(file);
    CHECK(classifier.network == name);
    const auto made = net.parameters(), read = classifier.net.parameters();
    REQUIRE(made.size() == read.size());
    for (std::size_t i = 0; i < made.size(); ++i) CHECK(made[i]->value.to_vector() == read[i]->value.to_vector());
    const Image photograph(40, 40, 1);
    if (takes_label(name))
      CHECK_THROWS_WITH(classifier.probabilities(photograph), Contains("takes the label"));
    else
      CHECK(classifier.probabilities(photograph).size() == 3);
  }
}

TEST_CASE("a file of before networks had names is the best network's; an unknown name is refused") {
  const ScratchFolder folder;
  Metadata metadata = describe_classifier("best", {"a", "b"}, {.size = 32});
  metadata.erase("network");
  metadata["architecture"] = "seed_network";
  const Model net = network_named("best", {32, 32, 1}, 2, 7);
  save(net, folder / "old.safetensors", metadata);
  CHECK(load_classifier(folder / "old.safetensors").network == "best");
  save(net, folder / "other.safetensors", describe_classifier("bets", {"a", "b"}, {.size = 32}));
  CHECK_THROWS_WITH(load_classifier(folder / "other.safetensors"), Contains("\"network\" must be one of"));
}

TEST_CASE("the label's channel is 0 for the first class and 255 for the last, and the pictures stay as they are") {
  LabelledImages images;
  images.images = Tensor::from(std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}, {3, 1, 2, 1});
  images.labels = {2, 0, 1};
  images.class_names = {"a", "b", "c"};
  images.groups = {"x", "y", "z"};
  const Dataset labelled = with_label_channel(Dataset(images).subset({2, 0}));
  CHECK(labelled.image_shape() == Shape{1, 2, 2});
  CHECK(labelled.images({0, 1}).to_vector<std::uint8_t>() == std::vector<std::uint8_t>{5, 127, 6, 127, 1, 255, 2, 255});
  CHECK(labelled.group(1) == "x");
}

TEST_CASE("train, evaluate and predict work with any network") {
  const Workplace place;
  place.draw_faces();
  for (const char* name : {"attempt_1", "all_three", "label_as_input"}) {
    INFO(name);
    REQUIRE(place.run(Workplace::training(name, {"--network", name, "--epochs", "2"})).exit_code == 0);
    CHECK((place.run({"evaluate", name, "--json", "--quiet"}).out == contents(place / name / "metrics.json")));
    const Outcome predicted = place.run({"predict", name, "faces/happy/happy_g000_00.png"});
    CHECK(predicted.exit_code == (takes_label(name) ? 1 : 0));
  }
  const Outcome wrong = place.run(Workplace::training("x", {"--network", "besst"}));
  CHECK(wrong.exit_code == 2);
  CHECK_THAT(wrong.err, Contains("\"best\""));
}
