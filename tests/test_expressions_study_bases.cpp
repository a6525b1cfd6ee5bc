// Section 7 of the study: pretrained bases, those that are there and those that are not.
#include <nlohmann/json.hpp>

#include "../examples/expressions/study/runner.h"
#include "../examples/expressions/study/study.h"
#include "../examples/expressions/study/transfer_run.h"
#include "../examples/expressions/study/variants.h"
#include "expressions_testing.h"
#include "mien/data/synthetic_faces.h"
#include "mien/io/keras_file.h"
#include "mien/io/md5.h"
#include "mien/models/imagenet.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::expressions::study;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

/// Fifty drawn faces of ten people, 32 x 32, one seed, two epochs.
std::vector<std::string> small_study(const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"study",   "--synthetic", "--people", "10", "--takes",    "1",      "--size",  "32",
                               "--batch", "8",           "--epochs", "2",  "--patience", "2",      "--seeds", "1",
                               "--split", "group",       "--out",    out,  "--quiet",    "--brief"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

TEST_CASE("without weights the study completes, and each row of Table 7 has the command that gets them") {
  const Workplace place;
  const Outcome done = place.run(small_study("study", {"--sections", "4,7"}));
  INFO(done.err);
  REQUIRE(done.exit_code == 0);
  const std::string table = contents(place / "study/tables/table-7.csv");
  for (const char* row : {"DenseNet121", "VGG16", "MobileNetV2", "ResNet50", "1.48", "40.5 %",
                          "expressions weights get resnet50 --weights-dir weights",
                          "expressions weights get mobilenet_v2 --weights-dir weights", "not run: no weights"})
    CHECK_THAT(table, Contains(row));
  CHECK_THAT(table, Contains("Xception needs pictures of at least 71 pixels"));
  CHECK_THAT(table, !Contains("drawn faces"));
  CHECK_THAT(contents(place / "study/report.md"), Contains("Pretrained architectures"));
  CHECK_THAT(place.run(small_study("other", {"--sections", "7"})).err, Contains("nothing to train"));
  CHECK(!fs::exists(place / "other"));
}

TEST_CASE("a base whose file is there is trained, by its MD5, and one that changed stops the study") {
  const Workplace place;
  const fs::path file = place / "weights/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5";
  fs::create_directories(file.parent_path());
  const auto write = [&](std::uint64_t seed) {
    Model net = models::imagenet_network("mobilenet_v2", {.input = {32, 32, 3}});
    net.initialize(seed);
    save_weights(net, place / "base.weights.h5");
    fs::rename(place / "base.weights.h5", file);
  };
  write(1);
  REQUIRE(place.run(small_study("study", {"--sections", "7"})).exit_code == 0);
  const StudyPlan plan = read_plan(place / "study/plan.json");
  REQUIRE(plan.runs.size() == 1);
  CHECK(plan.runs[0].variant == "mobilenet_v2");
  CHECK(plan.runs[0].weights == md5_of_file(file));
  CHECK_THAT(contents(place / "study/tables/table-7.csv"), Contains("MD5 " + plan.runs[0].weights));
  write(2);
  fs::remove_all(place / "study/runs");
  const Outcome changed = place.run({"study", "--out", "study", "--quiet"});
  CHECK(changed.exit_code == 1);
  CHECK_THAT(changed.err, Contains("planned with other weights"));
}

TEST_CASE(
    "the option --pretrain synthetic adds a base of drawn faces to Table 7, by both methods, and the study goes on") {
  const Workplace place;
  const std::vector<std::string> which{"--sections",       "4,7",       "--method",          "both",
                                       "--pretrain",       "synthetic", "--pretrain-people", "10",
                                       "--pretrain-takes", "1",         "--pretrain-epochs", "1"};
  const Outcome whole = place.run(small_study("whole", which));
  INFO(whole.err);
  REQUIRE(whole.exit_code == 0);
  const std::string table = contents(place / "whole/tables/table-7.csv");
  CHECK_THAT(table, Contains("pretrained on drawn faces") && Contains("drawn faces: 10 people"));
  const StudyPlan plan = read_plan(place / "whole/plan.json");
  int count = 0;
  for (const StudyRun& run : plan.runs) {
    if (run.section != 7) continue;
    ++count;
    CHECK(run.variant == drawn_variant);
    CHECK_THAT(run.weights, Contains("drawn faces"));
    CHECK_THAT(run.network, Contains(run.method == "report" ? "+unit+report" : "+own+report"));
    CHECK(is_finished(run_folder(place / "whole", run.key())));
    CHECK(!fs::exists(run_folder(place / "whole", run.key()) / "best.safetensors"));
  }
  CHECK(count == 2);
  CHECK(plan.absent.size() == 6);
  const Outcome again = place.run({"study", "--plan", "whole/plan.json", "--out", "again", "--quiet"});
  INFO(again.err);
  REQUIRE(again.exit_code == 0);
  for (const StudyRun& run : plan.runs)
    CHECK((contents(run_folder(place / "whole", run.key()) / "predictions.csv") ==
           contents(run_folder(place / "again", run.key()) / "predictions.csv")));
}

TEST_CASE("a run's key has the weights of its base in it, and stays as it was without") {
  StudyRun run{.variant = "best", .section = 4, .split = "group", .method = "sound", .network = "best"};
  const std::string before = run.key();
  CHECK_THAT(canonical_json(run), !Contains("weights"));
  run.weights = "4d473c1dd8becc155b73f8504c6f6626";
  CHECK(run.key() != before);
}

TEST_CASE("pictures are made smaller with their labels, names and people") {
  const Dataset data = synthetic_faces({.people = 2, .per_class_per_person = 1, .size = 64});
  const Dataset small = resized(data, 32);
  CHECK(small.image_shape() == Shape{32, 32, 1});
  CHECK(small.size() == data.size());
  CHECK(small.label(7) == data.label(7));
  CHECK(small.group(7) == data.group(7));
  CHECK(resized(data, 64).pixels<std::uint8_t>(0) == data.pixels<std::uint8_t>(0));
  double mean = 0, small_mean = 0;
  for (int i = 0; i < 64 * 64; ++i) mean += data.pixels<std::uint8_t>(3)[i] / 4096.0;
  for (int i = 0; i < 32 * 32; ++i) small_mean += small.pixels<std::uint8_t>(3)[i] / 1024.0;
  CHECK(small_mean == Approx(mean).epsilon(0.01));
}
