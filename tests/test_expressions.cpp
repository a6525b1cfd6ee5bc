// The program as its users meet it: what it prints, its exit codes, and what it makes of bad input.
#include "expressions_testing.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "mien/io/safetensors.h"

using namespace mien;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

TEST_CASE("every command has help with examples") {
  const Workplace place;
  for (const char* command : {"synth", "prepare", "train", "evaluate", "predict", "explain", "info", "demo"}) {
    const Outcome help = place.run({command, "--help"});
    CHECK(help.exit_code == 0);
    CHECK_THAT(help.out, Contains("Examples:") && Contains(std::string("expressions ") + command));
  }
}

TEST_CASE("what is misspelt is answered with the nearest name and exit code 2") {
  const Workplace place;
  const auto check_usage = [&](const std::vector<std::string>& arguments, const std::string& said) {
    const Outcome outcome = place.run(arguments);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, Contains(said));
  };
  check_usage({"trian"}, "The nearest is train");
  check_usage({"train", "--epoch", "3"}, "The nearest is --epochs");
  check_usage({"train", "--epochs", "three"}, "three");
  check_usage({"train", "--data", "faces"}, "--out is missing");
  check_usage({"train", "--data", "faces", "--out", "run", "--split", "people"}, "[split] must be random or group");
  check_usage({"train", "--data", "faces", "--out", "run", "--augment", "much"}, "[augment] must be none, smallest");
  check_usage({"train", "--data", "faces", "--out", "run", "--device", "gpu"}, "devices are cpu, cuda");
  check_usage({"train", "--data", "faces", "--out", "run", "--counts", "3,2"}, "[counts] three numbers");
  check_usage({"predict"}, "missing");
}

TEST_CASE("a config file with an unknown key or a value of another type is refused with exit code 2") {
  const Workplace place;
  const auto config = [&](const char* text) {
    std::ofstream(place / "config.json") << text;
    const Outcome outcome = place.run({"train", "--config", "config.json", "--out", "run"});
    CHECK(outcome.exit_code == 2);
    return outcome.err;
  };
  CHECK_THAT(config(R"({"data": "faces", "learning_rat": 0.1})"), Contains("The nearest is \"learning_rate\""));
  CHECK_THAT(config(R"({"data": "faces", "epochs": "ten"})"), Contains("\"epochs\" must be a whole number"));
}

TEST_CASE("training leaves a whole run folder, and what it printed can be repeated, evaluated and predicted from") {
  const Workplace place;
  place.draw_faces();
  const Outcome trained = place.run(Workplace::training("run", {"--split", "group", "--epochs", "3"}));
  REQUIRE(trained.exit_code == 0);
  CHECK(trained.err.empty());  // --quiet
  CHECK_THAT(trained.out, Contains("conv2d_4 (Conv2D)") && Contains("Test accuracy:") && Contains("run/report.html"));
  for (const char* file : {"config.json", "history.csv", "timings.csv", "best.safetensors", "last/weights.safetensors",
                           "last/training.safetensors", "metrics.json", "report.html"})
    CHECK(fs::file_size(place / "run" / file) > 0);
  CHECK(!fs::is_empty(place / "run/events"));

  const Outcome again = place.run({"train", "--config", "run/config.json", "--out", "again", "--quiet"});
  CHECK(again.exit_code == 0);
  check_same_run(place / "run", place / "again");

  const Outcome evaluated = place.run({"evaluate", "run", "--json", "--quiet"});
  CHECK(evaluated.exit_code == 0);
  CHECK((evaluated.out == contents(place / "run/metrics.json")));

  fs::copy_file(place / "run/best.safetensors", place / "alone.safetensors");
  fs::remove_all(place / "run");
  const std::string photo = "faces/happy/happy_g000_00.png";
  REQUIRE(fs::exists(place / photo));
  const Outcome predicted = place.run({"predict", "alone.safetensors", photo, "--json"});
  CHECK(predicted.exit_code == 0);
  const auto json = nlohmann::json::parse(predicted.out);
  double sum = 0;
  for (const auto& probability : json.at(0).at("probabilities")) sum += probability.get<double>();
  CHECK(json.at(0).at("probabilities").size() == 5);
  CHECK(sum == Approx(1).margin(1e-5));
}

TEST_CASE("an augmented training differs from a plain one, and config and report say how") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(Workplace::training("plain", {"--epochs", "1"})).exit_code == 0);
  REQUIRE(place.run(Workplace::training("augmented", {"--epochs", "1", "--augment", "smaller"})).exit_code == 0);
  CHECK(contents(place / "plain/best.safetensors") != contents(place / "augmented/best.safetensors"));
  const auto config = nlohmann::json::parse(contents(place / "augmented/config.json"));
  CHECK(config.at("options").at("augment") == "smaller");
  CHECK_THAT(contents(place / "augmented/report.html"), Contains("rotation up to 10°, brightness 0.9 to 1.1"));
}

TEST_CASE("what is printed without a terminal holds no control codes, and progress goes to stderr alone") {
  const Workplace place;
  place.draw_faces();
  std::vector<std::string> arguments = Workplace::training("run", {"--epochs", "2", "--json"});
  arguments.erase(std::find(arguments.begin(), arguments.end(), "--quiet"));
  const Outcome trained = place.run(arguments);
  CHECK(trained.exit_code == 0);
  CHECK(nlohmann::json::parse(trained.out).at("epochs") == 2);
  CHECK_THAT(trained.err, Contains("epoch 2/2") && Contains("images/s"));
  CHECK(trained.err.find('\x1b') == std::string::npos);
  CHECK(trained.err.find('\r') == std::string::npos);
}

TEST_CASE("a run folder that holds a run is not overwritten, and one that cannot be made is an error") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(Workplace::training("run", {"--epochs", "1"})).exit_code == 0);
  const Outcome second = place.run(Workplace::training("run"));
  CHECK(second.exit_code == 1);
  CHECK_THAT(second.err, Contains("--resume"));
  std::ofstream(place / "file") << "no folder";
  const Outcome blocked = place.run(Workplace::training("file/run"));
  CHECK(blocked.exit_code == 1);
  CHECK_THAT(blocked.err, Contains("file/run") && Contains("cannot be made"));
}

TEST_CASE("data that cannot be learned from is refused by name") {
  const Workplace place;
  place.draw_faces();
  const auto refused = [&](const std::vector<std::string>& more) {
    const Outcome outcome = place.run(Workplace::training("run", more));
    CHECK(outcome.exit_code == 1);
    CHECK(!fs::exists(place / "run/config.json"));
    return outcome.err;
  };
  CHECK_THAT(refused({"--counts", "10,5,5"}), Contains("class \"angry\" has 18 pictures, the sides ask for 20"));
  CHECK_THAT(refused({"--data", "nowhere"}), Contains("nowhere") && Contains("no such folder"));

  fs::create_directory(place / "faces/zero");
  CHECK_THAT(refused({}), Contains("faces/zero") && Contains("has no picture"));
  fs::remove(place / "faces/zero");

  const fs::path cut = place / "faces/sad/sad_g000_00.png";
  REQUIRE(fs::exists(cut));
  const std::string whole = contents(cut);
  fs::resize_file(cut, whole.size() / 2);
  CHECK_THAT(refused({}), Contains("sad_g000_00.png") && Contains("truncated"));

  fs::create_directory(place / "one");
  fs::copy(place / "faces/happy", place / "one/happy");
  CHECK_THAT(refused({"--data", "one"}), Contains("two classes"));
}

TEST_CASE("prepare sets unreadable and blurred photographs aside, with the reason, and deletes nothing") {
  const Workplace place;
  REQUIRE(place.run({"synth", "photos", "--people", "2", "--takes", "1", "--size", "64", "--quiet"}).exit_code == 0);
  const fs::path cut = place / "photos/sad/sad_g000_00.png";
  fs::resize_file(cut, fs::file_size(cut) / 2);
  const std::string before = contents(cut);
  std::ofstream(place / "photos/happy/note.jpg") << "no picture";
  const Outcome prepared = place.run({"prepare", "photos", "out", "--size", "32", "--quiet", "--blur-threshold", "0"});
  CHECK(prepared.exit_code == 0);
  CHECK_THAT(prepared.out, Contains("angry"));
  CHECK((contents(cut) == before));
  CHECK((contents(place / "out-aside/sad/sad_g000_00.png") == before));
  CHECK_THAT(contents(place / "out-aside/aside.csv"),
             Contains("sad/sad_g000_00.png,unreadable") && Contains("truncated") && Contains("happy/note.jpg"));
  CHECK(!fs::exists(place / "out/sad/sad_g000_00.png"));
  CHECK(fs::exists(place / "out/sad/sad_g001_00.png"));
  CHECK(fs::exists(place / "out/samples.png"));

  const Outcome strict =
      place.run({"prepare", "photos", "strict", "--size", "32", "--quiet", "--json", "--blur-threshold", "1e9"});
  CHECK(strict.exit_code == 0);
  CHECK(nlohmann::json::parse(strict.out).at("classes").at("angry").at("blurred") == 2);
}

TEST_CASE("weights of another network are refused with every mismatch named") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(Workplace::training("run", {"--epochs", "1"})).exit_code == 0);
  WeightsFile file = read_safetensors(place / "run/best.safetensors");
  for (NamedTensor& tensor : file.tensors) {
    if (tensor.name == "dense/kernel") tensor.value = Tensor::zeros({7, 256});
    if (tensor.name == "dense/bias") tensor.name = "dense/offset";
  }
  write_safetensors(place / "other.safetensors", file);
  const Outcome outcome = place.run({"predict", "other.safetensors", "faces/happy/happy_g000_00.png"});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("dense/kernel is (7,256) in the file, (128,256) in the network") &&
                              Contains("the file has no dense/bias") && Contains("the network has no dense/offset"));
}

TEST_CASE("a loss that is not finite stops the training, says step and layer, and keeps the last checkpoint") {
  const Workplace place;
  place.draw_faces();
  const Outcome outcome = place.run(Workplace::training("run", {"--batch", "1000", "--learning-rate", "1e12"}));
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("epoch 2, step 1") && Contains("layer"));
  const WeightsFile kept = read_safetensors(place / "run/last/weights.safetensors");
  for (const NamedTensor& tensor : kept.tensors)
    for (float value : tensor.value.to_vector()) REQUIRE(std::isfinite(value));
  CHECK(!fs::exists(place / "run/metrics.json"));
}

TEST_CASE("info says what was decided about CUDA, on which processor and with how many threads") {
  const Workplace place;
  const Outcome outcome = place.run({"info", "--threads", "1"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("cuda") && Contains("MIEN_CUDA") && Contains("1 thread"));
}
