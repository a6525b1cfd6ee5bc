// Runs that are stopped, in every way, and go on to the same bits.
#include <chrono>
#include <cstdio>
#include <thread>

#include "expressions_testing.h"
#include "mien/core/random.h"

using namespace mien;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

void sleep_milliseconds(int count) { std::this_thread::sleep_for(std::chrono::milliseconds(count)); }

/// Starts a training, or goes on with it where it has begun.
std::vector<std::string> next_session(const Workplace& place, const std::string& run) {
  return Workplace::command(fs::exists(place / run / "config.json")
                                ? std::vector<std::string>{"train", "--resume", run, "--quiet"}
                                : Workplace::training(run));
}

}  // namespace

TEST_CASE("the same seed gives the same weight files with one, two and three threads") {
  const Workplace place;
  place.draw_faces();
  for (const char* threads : {"1", "2", "3"})
    REQUIRE(place.run(Workplace::training(threads, {"--threads", threads, "--epochs", "3"})).exit_code == 0);
  check_same_run(place / "1", place / "2");
  check_same_run(place / "1", place / "3");
}

TEST_CASE("killed at random moments and resumed, a run ends with the same bits") {
  const Workplace place;
  place.draw_faces();
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(place.run(Workplace::training("whole")).exit_code == 0);
  const std::chrono::duration<double, std::milli> whole = std::chrono::steady_clock::now() - begin;
  Random random(5, Purpose::test);
  int killed = 0;
  for (int session = 0; session < 8; ++session) {
    ChildProcess child(next_session(place, "killed"), place.path());
    sleep_milliseconds(static_cast<int>(whole.count() * random.uniform(0.1f, 0.7f)));
    child.send(SIGKILL);
    killed += child.wait().signal == SIGKILL;
  }
  CHECK(killed >= 1);
  const Outcome last = ChildProcess(next_session(place, "killed"), place.path()).wait();
  INFO(last.err);
  REQUIRE(last.exit_code == 0);
  check_same_run(place / "whole", place / "killed");
}

TEST_CASE("Ctrl-C ends the step, leaves a checkpoint and exit code 130; resumed, the run ends with the same bits") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(Workplace::training("whole", {"--epochs", "20"})).exit_code == 0);
  ChildProcess child(Workplace::command(Workplace::training("stopped", {"--epochs", "20"})), place.path());
  for (int waited = 0; waited < 3000 && !fs::exists(place / "stopped/last"); ++waited) sleep_milliseconds(2);
  child.send(SIGINT);
  const Outcome stopped = child.wait();
  REQUIRE(stopped.exit_code == 130);
  CHECK_THAT(stopped.err, Contains("train --resume stopped"));
  CHECK(fs::exists(place / "stopped/last/training.safetensors"));
  CHECK(!fs::exists(place / "stopped/metrics.json"));
  REQUIRE(place.run({"train", "--resume", "stopped", "--quiet"}).exit_code == 0);
  check_same_run(place / "whole", place / "stopped");
}

TEST_CASE("a finished run, augmented, goes on with more epochs to the bits of a run that had them from the start") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(Workplace::training("whole", {"--epochs", "4", "--augment", "small"})).exit_code == 0);
  REQUIRE(place.run(Workplace::training("longer", {"--epochs", "2", "--augment", "small"})).exit_code == 0);
  REQUIRE(place.run({"train", "--resume", "longer", "--epochs", "4", "--quiet"}).exit_code == 0);
  check_same_run(place / "whole", place / "longer");
}

TEST_CASE("a demo that was stopped goes on to the same bits, and its test side can be evaluated") {
  const Workplace place;
  const auto demo = [](const std::string& out) {
    return std::vector<std::string>{"demo", "--out",   out, "--people", "6",  "--takes",    "2",  "--size",
                                    "32",   "--batch", "8", "--epochs", "12", "--patience", "20", "--quiet"};
  };
  const Outcome whole = place.run(demo("whole"));
  REQUIRE(whole.exit_code == 0);
  CHECK_THAT(whole.out, Contains("Test accuracy:") && Contains("whole/report.html"));
  CHECK_THAT(contents(place / "whole/report.html"), Contains("drawn by the program") && Contains("are harder"));
  {
    ChildProcess child(Workplace::command(demo("stopped")), place.path());
    for (int waited = 0; waited < 3000 && !fs::exists(place / "stopped/last"); ++waited) sleep_milliseconds(2);
    child.send(SIGKILL);
    child.wait();
  }
  REQUIRE(place.run({"train", "--resume", "stopped", "--quiet"}).exit_code == 0);
  check_same_run(place / "whole", place / "stopped");
  CHECK((place.run({"evaluate", "stopped", "--json", "--quiet"}).out == contents(place / "whole/metrics.json")));
  CHECK(place.run(demo("whole")).exit_code == 0);  // the demo overwrites its own run
}

TEST_CASE("a run does not go on with other pictures or other options") {
  const Workplace place;
  place.draw_faces();
  REQUIRE(place.run(Workplace::training("run", {"--epochs", "1"})).exit_code == 0);
  const Outcome other = place.run({"train", "--resume", "run", "--batch", "8"});
  CHECK(other.exit_code == 2);
  CHECK_THAT(other.err, Contains("--batch"));
  fs::copy_file(place / "faces/happy/happy_g000_00.png", place / "faces/happy/happy_g000_99.png");
  const Outcome changed = place.run({"train", "--resume", "run", "--quiet"});
  CHECK(changed.exit_code == 1);
  CHECK_THAT(changed.err, Contains("no longer those"));
}

TEST_CASE("a full disk ends the training with an error; the checkpoint before it is whole and goes on elsewhere") {
  const Workplace place;
  place.draw_faces();
  // A disk of 4 MB holds one checkpoint of this network, not two. Only root may make one, out of others' sight.
  const std::string mount = "mkdir -p disk && mount -t tmpfs -o size=4m none disk";
  if (ChildProcess({"unshare", "--mount", "sh", "-c", mount}, place.path()).wait().exit_code != 0) {
    std::printf("skipped: this process may not mount a small disk to fill\n");
    return;
  }
  std::string training;
  for (const std::string& argument : Workplace::command(Workplace::training("disk/run"))) training += argument + " ";
  const Outcome full = ChildProcess({"unshare", "--mount", "sh", "-c",
                                     mount + "; " + training + "; code=$?; cp -r disk/run saved; exit $code"},
                                    place.path())
                           .wait();
  CHECK(full.exit_code == 1);
  CHECK_THAT(full.err, Contains("No space left on device"));
  REQUIRE(fs::exists(place / "saved/last/training.safetensors"));
  REQUIRE(place.run({"train", "--resume", "saved", "--quiet"}).exit_code == 0);
  REQUIRE(place.run(Workplace::training("whole")).exit_code == 0);
  check_same_run(place / "whole", place / "saved");
}
