// The study's trainings: stopped in every way they go on to the same bits, and finished ones stay.
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "../examples/expressions/classifier.h"
#include "../examples/expressions/study/runner.h"
#include "../examples/expressions/study/study.h"
#include "expressions_testing.h"
#include "mien/core/random.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::expressions::study;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

void sleep_milliseconds(int count) { std::this_thread::sleep_for(std::chrono::milliseconds(count)); }

/// Fifty drawn faces of ten people, 32 x 32, and trainings of two epochs.
std::vector<std::string> small_study(const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"study",   "--synthetic", "--people", "10",       "--takes", "1",          "--size",
                               "32",      "--batch",     "8",        "--epochs", "2",       "--patience", "2",
                               "--seeds", "1",           "--quiet",  "--out",    out};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Every file of a study that must not depend on when and how fast it was made, by its path.
std::map<std::string, std::string> lasting_files(const fs::path& study) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(study / "runs"))
    if (entry.is_regular_file() && entry.path().filename() != "timings.csv" && entry.path().filename() != "timing.json")
      files[fs::relative(entry.path(), study).string()] = contents(entry.path());
  files["plan.json"] = contents(study / "plan.json");
  auto record = nlohmann::json::parse(contents(study / "study.json"));
  record.erase("timings"), record.erase("surroundings");
  files["study.json"] = record.dump();
  for (const char* part : {"figures", "tables"})
    for (const auto& entry : fs::directory_iterator(study / part)) {
      const std::string name = entry.path().filename().string();
      if (name != "table-timings.csv" && name != "table-surroundings.csv")
        files[join(part, '/', name)] = contents(entry.path());
    }
  return files;
}

void check_same_study(const fs::path& a, const fs::path& b) {
  const auto here = lasting_files(a), there = lasting_files(b);
  CHECK(here.size() > 20);
  for (const auto& [name, bytes] : here) {
    INFO(name);
    CHECK((there.count(name) == 1 && there.at(name) == bytes));
  }
  CHECK(here.size() == there.size());
}

std::vector<std::string> on_with(const std::string& out) { return {"study", "--out", out, "--quiet"}; }

}  // namespace

TEST_CASE("killed at random moments and run again, a study ends with the same bits") {
  const Workplace place;
  const std::vector<std::string> which{"--sections", "3,6", "--split", "group", "--method", "both"};
  const auto begin = std::chrono::steady_clock::now();
  const Outcome whole = place.run(small_study("whole", which));
  INFO(whole.err);
  REQUIRE(whole.exit_code == 0);
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
  const auto session = [] {
    return Workplace::command({"study", "--plan", "whole/plan.json", "--out", "killed", "--quiet"});
  };
  Random random(5, Purpose::test);
  int killed = 0;
  for (int i = 0; i < 5; ++i) {
    ChildProcess child(session(), place.path());
    sleep_milliseconds(static_cast<int>(time.count() * random.uniform(0.05f, 0.3f)));
    child.send(SIGKILL);
    killed += child.wait().signal == SIGKILL;
  }
  CHECK(killed >= 3);
  const Outcome last = ChildProcess(session(), place.path()).wait();
  INFO(last.err);
  REQUIRE(last.exit_code == 0);
  check_same_study(place / "whole", place / "killed");
}

TEST_CASE("Ctrl-C ends a study with exit code 130 and says how to go on; it goes on to the same bits") {
  const Workplace place;
  const std::vector<std::string> which{"--sections", "4", "--split", "random", "--epochs", "8", "--patience", "8"};
  REQUIRE(place.run(small_study("whole", which)).exit_code == 0);
  ChildProcess child(Workplace::command({"study", "--plan", "whole/plan.json", "--out", "stopped", "--quiet"}),
                     place.path());
  for (int waited = 0; waited < 5000 && !fs::exists(place / "stopped/runs"); ++waited) sleep_milliseconds(2);
  sleep_milliseconds(100);
  child.send(SIGINT);
  const Outcome stopped = child.wait();
  REQUIRE(stopped.exit_code == 130);
  CHECK_THAT(stopped.err, Contains("expressions study --out stopped"));
  CHECK(!fs::exists(place / "stopped/study.json"));
  REQUIRE(place.run(on_with("stopped")).exit_code == 0);
  check_same_study(place / "whole", place / "stopped");
}

TEST_CASE("finished trainings are never repeated; a lost one is made again to the same bits") {
  const Workplace place;
  REQUIRE(place.run(small_study("s", {"--sections", "4"})).exit_code == 0);
  const auto before = lasting_files(place / "s");
  const StudyPlan plan = read_plan(place / "s/plan.json");
  REQUIRE(plan.runs.size() == 8);
  const fs::path kept = run_folder(place / "s", plan.runs[0].key()), lost = run_folder(place / "s", plan.runs[3].key());
  const auto written = fs::last_write_time(kept / "result.json");
  CHECK(!fs::exists(kept / "last"));
  CHECK(!fs::exists(kept / "events"));
  fs::remove_all(lost);
  REQUIRE(place.run(small_study("s", {"--sections", "4"})).exit_code == 0);  // the same command line once more
  CHECK(fs::last_write_time(kept / "result.json") == written);
  CHECK(fs::exists(lost / "result.json"));
  CHECK((lasting_files(place / "s") == before));
}

TEST_CASE("two processes do not work on one study") {
  const Workplace place;
  const StudyLock lock(place / "s");
  const Outcome refused = place.run(small_study("s", {"--sections", "4"}));
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Contains("another process"));
  CHECK(!fs::exists(place / "s/plan.json"));
}

TEST_CASE("a study that is refused leaves no folder behind") {
  const Workplace place;
  const Outcome refused = place.run(small_study("s", {"--budget", "0.001s"}));
  CHECK(refused.exit_code == 2);
  CHECK(!fs::exists(place / "s"));
}

TEST_CASE("a plan is for its own pictures and options") {
  const Workplace place;
  REQUIRE(place.run(small_study("s", {"--sections", "4", "--split", "random"})).exit_code == 0);
  const Outcome options = place.run({"study", "--out", "s", "--epochs", "3"});
  CHECK(options.exit_code == 2);
  CHECK_THAT(options.err, Contains("made with --epochs 2") && Contains("never changed"));
  place.draw_faces();
  const Outcome pictures = place.run({"study", "--data", "faces", "--plan", "s/plan.json", "--out", "t", "--quiet"});
  CHECK(pictures.exit_code == 2);
  CHECK_THAT(pictures.err, Contains("plan for drawn faces"));
  CHECK(!fs::exists(place / "t/runs"));
  REQUIRE(place
              .run({"study", "--data", "faces", "--size", "32", "--batch", "16", "--epochs", "1", "--seeds", "1",
                    "--sections", "4", "--split", "random", "--out", "photos", "--quiet"})
              .exit_code == 0);
  fs::remove(place / "faces/happy/happy_g000_00.png");
  const Outcome changed = place.run({"study", "--plan", "photos/plan.json", "--out", "u", "--quiet"});
  CHECK(changed.exit_code == 1);
  CHECK_THAT(changed.err, Contains("other pictures"));
  CHECK(place.run({"study", "--out", "nothing"}).exit_code == 1);
  CHECK(place.run({"study", "--synthetic"}).exit_code == 2);
}

TEST_CASE("a dry run prints the plan with its time and trains nothing") {
  const Workplace place;
  const Outcome outcome = place.run(small_study("s", {"--dry-run"}));
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("33 trainings on 50 pictures of 10 people") && Contains("section 8") &&
                              Contains("together at most") && Contains("Nothing was trained"));
  CHECK(!fs::exists(place / "s"));
  const Outcome json = place.run(small_study("s", {"--dry-run", "--json"}));
  CHECK(nlohmann::json::parse(json.out).at("runs").size() == 33);
}

TEST_CASE("what a training came to is read back as it was, and its weights file scores the same") {
  const Workplace place;
  REQUIRE(place.run(small_study("s", {"--sections", "3,4", "--method", "both", "--split", "group"})).exit_code == 0);
  const Study study = read_study(place / "s", true);
  REQUIRE(study.results.size() == study.plan.runs.size());
  CHECK(results_of(study, 4, "group", "report").size() == 4);
  CHECK(!study.surroundings.machine.empty());
  for (const StudyResult& result : study.results) {
    INFO(canonical_json(result.run));
    CHECK(result.history.size() == 2);
    CHECK(result.parameters == result.summary.parameters);
    if (result.run.method == "report") CHECK(result.scored_epoch == 1);
    const std::size_t pictures = result.run.split == "all" ? 50 : 10;
    REQUIRE(result.test.labels.size() == pictures);
    CHECK(result.names.size() == pictures);
    CHECK(result.groups.size() == pictures);
    CHECK(std::isnan(result.validation_accuracy) == (result.run.split == "all"));
    int right = 0;
    for (std::size_t i = 0; i < pictures; ++i) right += result.test.labels[i] == result.test.predictions[i];
    CHECK(result.accuracy == Approx(static_cast<double>(right) / static_cast<double>(pictures)));

    if (result.run.variant == "label_as_input") continue;
    const Classifier classifier = load_classifier(run_folder(place / "s", result.key));
    CHECK(classifier.network == result.run.network);
    const Evaluation again = evaluate(classifier.net, sides_of(result.run, study.data).test);
    CHECK(again.probabilities == result.test.probabilities);
    CHECK(again.loss == result.loss);
  }
}
