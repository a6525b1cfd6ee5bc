// Recipes: what --recipe settles, what stays as given, and that such a run repeats and goes on to the same bits.
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "../examples/expressions/classifier.h"
#include "../examples/expressions/networks.h"
#include "../examples/expressions/recipe.h"
#include "expressions_testing.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::testing;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

json options_of(const Workplace& place, const std::string& run) {
  return json::parse(contents(place / run / "config.json")).at("options");
}

std::vector<std::string> by_recipe(const std::string& out, std::vector<std::string> more = {}) {
  std::vector<std::string> all{"train", "--recipe", "best", "--data", "faces", "--out",
                               out,     "--size",   "32",   "--seed", "3",     "--quiet"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

TEST_CASE("a recipe settles what was not given, and leaves what was") {
  TrainOptions options;
  apply_recipe(options, {});
  TrainOptions untouched;
  CHECK(options.network == untouched.network);
  CHECK(options.epochs == untouched.epochs);

  const TrainOptions recipe = recipe_named("best");
  options.recipe = "best";
  options.mixup = 0;
  options.epochs = 500;
  apply_recipe(options, {"mixup", "epochs", "recipe"});
  CHECK(options.mixup == 0);
  CHECK(options.epochs == 500);
  CHECK(options.patience == 500);  // it never stops early, whatever the epochs
  CHECK(options.network == recipe.network);
  CHECK(options.augment == recipe.augment);
  CHECK(options.learning_rate == recipe.learning_rate);
  CHECK(options.keep == "last");

  options.recipe = "bets";
  CHECK_THROWS_AS(apply_recipe(options, {}), UsageError);
}

TEST_CASE(
    "a training by the recipe is kept in config.json, repeats from it, and goes on after a stop to the same bits") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(by_recipe("whole", {"--epochs", "4", "--batch", "16"})).exit_code == 0);
  const json options = options_of(place, "whole");
  CHECK(options.at("recipe") == "best");
  CHECK(options.at("network") == "small_face");
  CHECK(options.at("schedule") == "cosine");
  CHECK(options.at("flips") == "on");
  CHECK(options.at("batch") == 16);
  CHECK_THAT(contents(place / "whole/report.html"), Contains("AdamW") && Contains("scored with mirror images"));

  REQUIRE(place.run({"train", "--config", "whole/config.json", "--out", "again", "--quiet"}).exit_code == 0);
  check_same_run(place / "whole", place / "again");

  ChildProcess child(Workplace::command(by_recipe("stopped", {"--epochs", "4", "--batch", "16"})), place.path());
  for (int waited = 0; waited < 3000 && !std::filesystem::exists(place / "stopped/last"); ++waited)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  child.send(SIGKILL);
  child.wait();
  REQUIRE(place.run({"train", "--resume", "stopped", "--quiet"}).exit_code == 0);
  check_same_run(place / "whole", place / "stopped");

  // The schedule was drawn to the epochs, so there are no others to go on to.
  const Outcome longer = place.run({"train", "--resume", "whole", "--epochs", "6"});
  CHECK(longer.exit_code == 2);
  CHECK_THAT(longer.err, Contains("cosine"));
}

TEST_CASE("the last epoch's weights stand alone in the weights file, and are evaluated as they were tested") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(by_recipe("run", {"--epochs", "3"})).exit_code == 0);
  const Classifier classifier = load_classifier(place / "run");
  CHECK(classifier.network == "small_face");
  CHECK(classifier.input.flips);
  CHECK(classifier.metadata.at("epoch") == "3");
  CHECK((contents(place / "run/metrics.json") == place.run({"evaluate", "run", "--json", "--quiet"}).out));

  // A picture and its mirror image are the same to it.
  Image picture(32, 32, 1), mirrored_picture(32, 32, 1);
  for (int row = 0; row < 32; ++row)
    for (int column = 0; column < 32; ++column) {
      const auto value = static_cast<std::uint8_t>((row * 7 + column * column) % 256);
      picture.at(row, column) = value;
      mirrored_picture.at(row, 31 - column) = value;
    }
  CHECK(classifier.probabilities(picture) == classifier.probabilities(mirrored_picture));
}

TEST_CASE("the recipe's network sees the middle of a picture, the same in any light") {
  const Model net = network_named("small_face", {64, 64, 1}, 5, 1);
  std::vector<float> pixels(64 * 64), lighter(64 * 64), framed(64 * 64);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<float>((i * 37 + i / 64 * 11) % 101) / 101;
    lighter[i] = 0.25f + 0.5f * pixels[i];
    const std::size_t row = i / 64, column = i % 64;
    const bool in_the_middle = row >= 6 && row < 58 && column >= 6 && column < 58;
    framed[i] = in_the_middle ? pixels[i] : 0;
  }
  const auto logits = [&](const std::vector<float>& picture) {
    return net(Tensor::from(picture, {1, 64, 64, 1})).to_vector();
  };
  const std::vector<float> expected = logits(pixels);
  CHECK(logits(framed) == expected);
  const std::vector<float> in_other_light = logits(lighter);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(in_other_light[i] == Approx(expected[i]).margin(1e-3));
}

TEST_CASE("settings of a recipe that make no sense are wrong usage") {
  const Workplace place;
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{{"--recipe", "good"},
                                                                                     {"--schedule", "sine"},
                                                                                     {"--mixup", "-1"},
                                                                                     {"--label-smoothing", "1"},
                                                                                     {"--weight-decay", "-0.1"},
                                                                                     {"--flips", "yes"},
                                                                                     {"--keep", "first"}}) {
    std::vector<std::string> arguments{"train", "--data", "faces", "--out", "run"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const Outcome refused = place.run(arguments);
    INFO(wrong[0]);
    CHECK(refused.exit_code == 2);
    CHECK_THAT(refused.err, Contains("[" + wrong[0].substr(2) + "]"));
  }
}
