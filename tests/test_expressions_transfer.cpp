// expressions train --base: from a weights file, or drawn faces, to a classifier that stands alone.
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "../examples/expressions/networks.h"
#include "../examples/expressions/options.h"
#include "../examples/expressions/transfer_name.h"
#include "expressions_testing.h"
#include "mien/core/random.h"
#include "mien/io/file.h"
#include "mien/models/imagenet.h"
#include "mien/train/weights.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

/// Weights of a MobileNetV2 that has learned nothing: what it makes of pictures is arbitrary, and good enough to hold
/// the machinery by. Without small variances in its normalisations, nothing of a picture would reach its end.
void write_base(const fs::path& file, std::uint64_t seed) {
  Model base = models::imagenet_network("mobilenet_v2", {.input = {32, 32, 3}, .alpha = 0.35});
  base.initialize(seed);
  for (const auto& parameter : base.parameters())
    if (parameter->name == "moving_variance") parameter->value.copy_from(Tensor::full(parameter->value.shape(), 0.1f));
  save(base, file);
}

/// Ninety drawn faces in faces/, and such weights in base.safetensors.
class TransferPlace : public Workplace {
 public:
  TransferPlace() {
    draw_faces();
    write_base(*this / "base.safetensors", 11);
  }
};

std::vector<std::string> with_base(const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"--base", "mobilenet_v2", "--alpha", "0.35", "--weights", "base.safetensors"};
  all.insert(all.end(), more.begin(), more.end());
  std::vector<std::string> arguments = Workplace::training(out, all);
  std::erase(arguments, "--quiet");
  return arguments;
}

}  // namespace

TEST_CASE("a pretrained network's name says all of it, and reads back") {
  for (const char* word : {"mobilenet_v2-0.35+own+pooled", "resnet50+unit+report", "mobilenet_v2+own+report"}) {
    const auto name = parse_transfer_name(word);
    REQUIRE(name);
    CHECK(name->text() == word);
    CHECK(is_network(word));
    CHECK(input_scale_of(word) == 1);
  }
  for (const char* word : {"best", "resnet50", "resnet50+own", "resnet5+own+pooled", "resnet50+own+flat",
                           "resnet50-0.5+own+pooled", "mobilenet_v2-1+own+pooled", "resnet50+own+pooled+x", "++"})
    CHECK(!parse_transfer_name(word));
  CHECK_THAT(describe_network("resnet50+own+report"), Contains("ResNet50") && Contains("blue first"));
  CHECK_THAT(describe_network("resnet50+unit+report"), Contains("pixels / 255"));
}

TEST_CASE("a head is trained on features; a second run finds them in the cache and comes to the same bits") {
  const TransferPlace place;
  const Outcome first = place.run(with_base("runs/first"));
  INFO(first.err);
  REQUIRE(first.exit_code == 0);
  CHECK_THAT(first.err, Contains("Features: 0 from the cache"));
  CHECK_THAT(first.out, Contains("Test accuracy:") && Contains("MobileNetV2 with alpha 0.35"));
  const Outcome second = place.run(with_base("runs/second"));
  CHECK_THAT(second.err, Contains(", 0 computed"));
  check_same_run(place / "runs/first", place / "runs/second");
  CHECK(fs::is_directory(place / "runs/features"));
  CHECK_THAT(contents(place / "runs/first/report.html"), Contains("base.safetensors") && Contains("alpha 0.35"));
}

TEST_CASE("a run with a base is evaluated, predicts, explains and stands alone in its weights file") {
  const TransferPlace place;
  REQUIRE(place.run(with_base("run")).exit_code == 0);
  CHECK((place.run({"evaluate", "run", "--json", "--quiet"}).out == contents(place / "run/metrics.json")));
  fs::rename(place / "run/best.safetensors", place / "alone.safetensors");
  for (const char* gone : {"run", "features", "base.safetensors"}) fs::remove_all(place / gone);
  const std::string photo = "faces/happy/happy_g000_00.png";
  const Outcome predicted = place.run({"predict", "alone.safetensors", photo, "--json"});
  REQUIRE(predicted.exit_code == 0);
  CHECK(nlohmann::json::parse(predicted.out)[0]["probabilities"].size() == 5);
  CHECK(place.run({"evaluate", "alone.safetensors", "--data", "faces", "--quiet"}).exit_code == 0);
  const Outcome explained = place.run({"explain", "alone.safetensors", photo, "--quiet"});
  INFO(explained.err);
  CHECK(explained.exit_code == 0);
  CHECK_THAT(explained.out, Contains("Grad-CAM") && Contains("explained/explain.html"));
}

TEST_CASE("weights that Keras wrote are a base, for pictures of any size") {
  const TransferPlace place;
  const Outcome trained = place.run(
      Workplace::training("run", {"--base", "mobilenet_v2", "--alpha", "0.35", "--weights",
                                  MIEN_SOURCE_DIR "/tests/golden/weights/mobilenet_v2.keras", "--head", "report"}));
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  CHECK((place.run({"evaluate", "run", "--json", "--quiet"}).out == contents(place / "run/metrics.json")));
  const Outcome wider = place.run(Workplace::training(
      "wider", {"--base", "mobilenet_v2", "--weights", MIEN_SOURCE_DIR "/tests/golden/weights/mobilenet_v2.keras"}));
  CHECK(wider.exit_code == 1);
  CHECK_THAT(wider.err, Contains("mobilenet_v2.keras"));
  CHECK(!fs::exists(place / "wider"));
}

TEST_CASE("with views and fine-tuning, killed at random moments and resumed, a run ends with the same bits") {
  const TransferPlace place;
  const auto run = [](const std::string& out, const std::string& cache) {
    return with_base(out, {"--views", "2", "--augment", "small", "--fine-tune", "1", "--fine-tune-epochs", "3",
                           "--fine-tune-rate", "0.001", "--feature-cache", cache, "--quiet"});
  };
  const auto begin = std::chrono::steady_clock::now();
  const Outcome whole = place.run(run("whole", "cache-whole"));
  INFO(whole.err);
  REQUIRE(whole.exit_code == 0);
  CHECK(fs::exists(place / "whole/head/history.csv"));
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
  const auto session = [&] {
    return Workplace::command(fs::exists(place / "killed/config.json")
                                  ? std::vector<std::string>{"train", "--resume", "killed", "--quiet"}
                                  : run("killed", "cache-killed"));
  };
  Random random(6, Purpose::test);
  int killed = 0;
  for (int i = 0; i < 6; ++i) {
    ChildProcess child(session(), place.path());
    std::this_thread::sleep_for(std::chrono::milliseconds(static_cast<int>(time.count() * random.uniform(0.2f, 0.9f))));
    child.send(SIGKILL);
    killed += child.wait().signal == SIGKILL;
  }
  CHECK(killed >= 1);
  const Outcome last = ChildProcess(session(), place.path()).wait();
  INFO(last.err);
  REQUIRE(last.exit_code == 0);
  check_same_run(place / "whole", place / "killed");
  for (const char* file : {"best.safetensors", "history.csv"})
    CHECK((contents(place / "whole/head" / file) == contents(place / "killed/head" / file)));
}

TEST_CASE("weights that changed since a run began stop it from going on") {
  const TransferPlace place;
  REQUIRE(place.run(with_base("run", {"--epochs", "1"})).exit_code == 0);
  write_base(place / "base.safetensors", 12);
  const Outcome resumed = place.run({"train", "--resume", "run", "--epochs", "2"});
  CHECK(resumed.exit_code == 1);
  CHECK_THAT(resumed.err, Contains("no longer those"));
  write_file_atomically(place / "base.safetensors", "what is this");
  const Outcome broken = place.run(with_base("broken"));
  CHECK(broken.exit_code == 1);
  CHECK_THAT(broken.err, Contains("base.safetensors"));
}

TEST_CASE("options that make no sense for a base are refused by name") {
  const Workplace place;
  const auto refused = [&](const std::vector<std::string>& options, const std::string& because) {
    std::vector<std::string> all{"train", "--data", "faces", "--out", "run"};
    all.insert(all.end(), options.begin(), options.end());
    const Outcome outcome = place.run(all);
    INFO(because);
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains(because));
  };
  refused({"--base", "resnet5", "--weights", "x"}, "resnet50");
  refused({"--base", "resnet50"}, "[weights]");
  refused({"--weights", "x"}, "[weights]");
  refused({"--base", "resnet50", "--weights", "x", "--alpha", "0.5"}, "[alpha]");
  refused({"--base", "resnet50", "--weights", "x", "--network", "best"}, "[base]");
  refused({"--base", "resnet50", "--weights", "x", "--recipe", "best"}, "[recipe]");
  refused({"--base", "resnet50", "--weights", "x", "--views", "3"}, "[views]");
  refused({"--base", "resnet50", "--weights", "x", "--augment", "small"}, "[augment]");
  refused({"--base", "resnet50", "--weights", "x", "--fine-tune", "99"}, "[fine-tune]");
  refused({"--base", "xception", "--weights", "x", "--size", "64"}, "[size]");
  refused({"--base", "resnet50", "--weights", "x", "--head", "tall"}, "[head]");
  refused({"--base", "resnet50", "--weights", "x", "--base-input", "raw"}, "[base-input]");
  refused({"--pretrain", "imagenet"}, "[pretrain]");
  refused({"--pretrain", "synthetic", "--weights", "x"}, "[pretrain]");
  place.draw_faces();
  const Outcome absent = place.run(
      {"train", "--data", "faces", "--out", "run", "--base", "resnet50", "--weights", "x", "--size", "32", "--quiet"});
  CHECK(absent.exit_code == 1);
  CHECK_THAT(absent.err, Contains("expressions weights"));
}

TEST_CASE("the option --pretrain synthetic needs no weights, says what it is, and goes on where it was killed") {
  const Workplace place;
  place.draw_faces();
  const auto run = [](const std::string& out) {
    return Workplace::training(out, {"--pretrain", "synthetic", "--pretrain-people", "10", "--pretrain-takes", "1",
                                     "--pretrain-epochs", "2", "--epochs", "2", "--feature-cache", out + "-features"});
  };
  const Outcome whole = place.run(run("whole"));
  INFO(whole.err);
  REQUIRE(whole.exit_code == 0);
  CHECK_THAT(whole.out, Contains("alpha 0.35"));
  CHECK_THAT(contents(place / "whole/report.html"),
             Contains("drawn faces of 10 people that the program invented") && Contains("not on ImageNet"));
  CHECK((place.run({"evaluate", "whole", "--json", "--quiet"}).out == contents(place / "whole/metrics.json")));
  {
    ChildProcess child(Workplace::command(run("killed")), place.path());
    for (int waited = 0; waited < 3000 && !fs::exists(place / "killed/pretraining/last"); ++waited)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    child.send(SIGKILL);
    child.wait();
  }
  const Outcome resumed = place.run({"train", "--resume", "killed", "--quiet"});
  INFO(resumed.err);
  REQUIRE(resumed.exit_code == 0);
  check_same_run(place / "whole", place / "killed");
}
