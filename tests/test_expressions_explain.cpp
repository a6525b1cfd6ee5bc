// `explain` and its figures: what is chosen, what is written, what is refused.
#include <nlohmann/json.hpp>
#include <regex>

#include "../examples/expressions/explain_figures.h"
#include "../examples/expressions/networks.h"
#include "expressions_testing.h"
#include "mien/models/seed.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// A Face of one grey, with a brighter square at the upper left.
Face face(int side, int channels = 1) {
  Face result{Image(side, side, channels), "face.png", 0};
  std::fill(result.picture.pixels.begin(), result.picture.pixels.end(), 90);
  for (int y = 0; y < side / 4; ++y) std::fill_n(result.picture.row(y), side / 4 * channels, 220);
  return result;
}

}  // namespace

TEST_CASE("telling faces are the surest, one of every class before a second of any") {
  // Two classes: labels, predictions and the probability of the predicted class.
  const std::vector<std::array<float, 3>> faces{{0, 0, 0.9f}, {0, 0, 0.8f}, {1, 1, 0.6f}, {1, 1, 0.7f},
                                                {0, 1, 0.5f}, {1, 0, 0.9f}, {1, 0, 0.8f}};
  Evaluation evaluation;
  for (const auto& [label, prediction, sureness] : faces) {
    evaluation.labels.push_back(static_cast<std::int32_t>(label));
    evaluation.predictions.push_back(static_cast<std::int32_t>(prediction));
    evaluation.probabilities.push_back(prediction == 0 ? sureness : 1 - sureness);
    evaluation.probabilities.push_back(prediction == 1 ? sureness : 1 - sureness);
  }
  CHECK(telling_faces(evaluation, 3, 2) == std::vector<int>{0, 3, 1, 5, 4});
  CHECK(telling_faces(evaluation, 9, 9) == std::vector<int>{0, 3, 1, 2, 5, 4, 6});
  CHECK(telling_faces(evaluation, 0, 1) == std::vector<int>{5});
  CHECK(telling_faces({}, 2, 2).empty());
}

TEST_CASE("places in a picture are named by ninths") {
  const auto place = [](int row, int column) {
    std::vector<float> map(6 * 9);
    map[static_cast<std::size_t>(row * 9 + column)] = 1;
    return place_of_largest(Tensor::from(map, {6, 9}));
  };
  CHECK(place(0, 0) == "upper left");
  CHECK(place(1, 2) == "upper left");
  CHECK(place(2, 3) == "centre");
  CHECK(place(3, 8) == "middle right");
  CHECK(place(5, 5) == "lower middle");
  CHECK(place_of_largest(Tensor::from(std::vector<float>{1}, {1, 1})) == "centre");
}

TEST_CASE("figures show every face, map and filter, and say so in words") {
  Sequential net = models::seed_network(2);
  net.build({32, 32, 1}, 3);
  const Classifier classifier{
      .network = "best", .net = std::move(net), .class_names = {"happy", "sad"}, .input = {.size = 32}, .metadata = {}};
  const Explainer explainer(classifier);
  Evidence one = explainer.evidence(face(32));
  CHECK(one.explained == one.predicted);
  CHECK(one.probabilities[0] + one.probabilities[1] == Approx(1));
  CHECK(one.occlusion.probability == Approx(one.probabilities[static_cast<std::size_t>(one.predicted)]).margin(1e-4));
  CHECK(one.heat.layer == "conv2d_4");
  CHECK(explainer.evidence(face(32), {.explained = 1, .layer = "conv2d_2"}).heat.layer == "conv2d_2");

  // A face of the other class has a fourth map: that of the true class.
  Face other = face(32);
  other.label = 1 - one.predicted;
  one.face.label = one.predicted;
  one.truth.reset();
  const Evidence wrong = explainer.evidence(other);
  CHECK(wrong.truth.has_value());
  const std::string figure = evidence_figure({one, wrong}, classifier.class_names, "Two faces");
  CHECK(count(figure, "<image ") == 7);
  CHECK(count(figure, "<linearGradient ") == 2);
  CHECK_THAT(figure, Contains("Two faces</title>") && Contains("recognised") && Contains("taken for") &&
                         Contains("true class") && Contains("4×4 pixels covered"));
  CHECK_THROWS_AS(evidence_figure({}, classifier.class_names), Error);

  const std::string filters = filters_figure(classifier.net);
  CHECK(count(filters, "<image ") == 8);
  CHECK_THAT(filters, Contains("8 filters of 3×3"));
  const std::string maps = feature_maps_figure(classifier, face(32), 4);
  CHECK(count(maps, "<image ") == 1 + 5 * 4);
  CHECK_THAT(maps, Contains("conv2d_4: 128 maps of 2×2"));
}

TEST_CASE("a network of colour pictures shows a filter's kernel for each channel") {
  Sequential net = models::seed_network(2);
  net.build({32, 32, 3}, 3);
  const Classifier classifier{.network = "best",
                              .net = std::move(net),
                              .class_names = {"happy", "sad"},
                              .input = {.size = 32, .channels = 3},
                              .metadata = {}};
  CHECK(count(filters_figure(classifier.net), "<image ") == 24);
  CHECK(count(evidence_figure({Explainer(classifier).evidence(face(32, 3))}, classifier.class_names), "<image ") >= 3);
}

TEST_CASE("explain writes a page that stands alone, its pictures, and says what it found") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(Workplace::training("run", {"--epochs", "2"})).exit_code == 0);
  fs::copy_file(place / "faces/sad/sad_g000_00.png", place / "happy_g000_00.png");  // a name that comes twice
  const std::string first = "faces/happy/happy_g000_00.png", second = "happy_g000_00.png";

  const Outcome outcome = place.run({"explain", "run", first, second, "--out", "seen"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains(first + ": ") && Contains("Grad-CAM") && Contains("seen/explain.html"));
  CHECK_THAT(outcome.err, Contains("explaining"));
  for (const char* file : {"happy_g000_00-evidence.svg", "happy_g000_00-grad_cam.png", "happy_g000_00-occlusion.png",
                           "happy_g000_00-feature_maps.svg", "happy_g000_00-2-evidence.svg", "filters.svg"})
    CHECK(fs::file_size(place / "seen" / file) > 0);
  const std::string page = contents(place / "seen/explain.html");
  CHECK(count(page, "<svg ") == 5);
  CHECK_THAT(page, Contains("prefers-color-scheme") && Contains("viewport"));
  CHECK_FALSE(std::regex_search(page, std::regex("(src|href)=\"(?!data:|#)")));

  fs::copy_file(place / second, place / "filters.png");  // names of the page's own parts
  fs::copy_file(place / second, place / "happy_g000_00-evidence.png");
  CHECK(
      place.run({"explain", "run", "filters.png", second, "happy_g000_00-evidence.png", "--out", "names"}).exit_code ==
      0);

  const Outcome json = place.run({"explain", "run/best.safetensors", first, "--out", "other", "--class", "angry",
                                  "--layer", "conv2d_1", "--json", "--quiet"});
  CHECK(json.exit_code == 0);
  CHECK(json.err.empty());
  const auto result = nlohmann::json::parse(json.out);
  CHECK(result.at("photos").at(0).at("explained") == "angry");
  CHECK(result.at("photos").at(0).at("layer") == "conv2d_1");
  CHECK(result.at("photos").at(0).at("occlusion_window") == 4);
  for (const auto& file : result.at("photos").at(0).at("files")) CHECK(fs::exists(place / file.get<std::string>()));
}

TEST_CASE("explain refuses what it cannot do, with the exit codes of the other commands") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(Workplace::training("run", {"--epochs", "1"})).exit_code == 0);
  const std::string photo = "faces/happy/happy_g000_00.png";
  const auto refused = [&](const std::vector<std::string>& more, int exit_code, const std::string& said) {
    std::vector<std::string> arguments{"explain"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = place.run(arguments);
    CHECK(outcome.exit_code == exit_code);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, Contains(said));
    CHECK_FALSE(fs::exists(place / "explained"));
  };
  refused({}, 2, "missing");
  refused({"run"}, 2, "the photograph is missing");
  refused({"run", photo, "--class", "hapy"}, 2, "The nearest is happy");
  refused({"run", photo, "--layer", "conv2d_9"}, 2, "[layer]");
  refused({"run", photo, "--layer", "dense"}, 2, "[layer]");
  refused({"run", photo, "--window", "33"}, 2, "[window] must be 1 to 32");
  refused({"nowhere", photo}, 1, "nowhere");
  refused({"run", "run/config.json"}, 1, "unknown format");

  // One photograph that cannot be read does not keep the others from being explained.
  const Outcome half = place.run({"explain", "run", "run/config.json", photo, "--quiet"});
  CHECK(half.exit_code == 1);
  CHECK_THAT(half.err, Contains("run/config.json"));
  CHECK_THAT(half.out, Contains("happy_g000_00-grad_cam.png"));
}

TEST_CASE("a network that wants the label cannot be explained") {
  const Classifier classifier{.network = "label_as_input",
                              .net = network_named("label_as_input", {32, 32, 2}, 2, 1),
                              .class_names = {"happy", "sad"},
                              .input = {.size = 32},
                              .metadata = {}};
  CHECK_THROWS_WITH(Explainer(classifier), Contains("takes the label"));
}
