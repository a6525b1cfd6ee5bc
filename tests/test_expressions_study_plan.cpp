// The study's plan: what is trained, by which key, and what a budget cuts.
#include <algorithm>
#include <set>

#include "../examples/expressions/networks.h"
#include "../examples/expressions/study/plan.h"
#include "../examples/expressions/study/speed.h"
#include "../examples/expressions/study/variants.h"
#include "expressions_testing.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::expressions::study;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace {

const StudyPictures thousand{.count = 1000, .people = 40, .class_names = {"a", "b", "c", "d", "e"}, .fingerprint = "f"};

/// A millisecond a picture trained on, nothing else: section 3 takes a second an epoch, the others 0.6.
Speed millisecond(const StudyRun&) { return {.per_training_picture = 1e-3}; }

double together(const StudyPlan& plan) {
  double sum = 0;
  for (double seconds : plan.estimated_seconds) sum += seconds;
  return sum;
}

int count(const StudyPlan& plan, int section) {
  return static_cast<int>(
      std::count_if(plan.runs.begin(), plan.runs.end(), [&](const StudyRun& run) { return run.section == section; }));
}

}  // namespace

TEST_CASE("the default study trains every variant with two seeds, from section 4 on by both splits") {
  const StudyPlan plan = plan_study({.synthetic = true}, {}, thousand, millisecond);
  CHECK(count(plan, 3) == 7 * 2);
  CHECK(count(plan, 4) == 4 * 2 * 2);
  CHECK(count(plan, 5) == 4 * 2 * 2);
  CHECK(count(plan, 6) == 4 * 2 * 2);
  CHECK(count(plan, 8) == 1 * 2 * 2);
  CHECK(plan.cuts.empty());
  std::set<std::string> keys;
  for (const StudyRun& run : plan.runs) {
    keys.insert(run.key());
    CHECK(run.method == "sound");
    CHECK((run.split == "all") == (run.section == 3));
    CHECK(run.epochs == (run.section == 3 ? 25 : 60));
    CHECK(run.patience == (run.section == 3 ? 5 : run.section == 8 ? 60 : 15));
  }
  CHECK(keys.size() == plan.runs.size());
  CHECK(together(plan) == Approx(14 * 25 * 1.0 + 52 * 60 * 0.6));
}

TEST_CASE("the same pictures, options and speeds give the same plan, and its file gives it back") {
  const StudyOptions options{.synthetic = true, .method = "both", .seeds = 3};
  const StudyPlan plan = plan_study(options, {"seeds"}, thousand, millisecond);
  const StudyPlan again = plan_study(options, {"seeds"}, thousand, millisecond);
  CHECK(plan.runs == again.runs);
  const ScratchFolder folder;
  write_plan(folder / "a.json", plan), write_plan(folder / "b.json", again);
  CHECK((contents(folder / "a.json") == contents(folder / "b.json")));
  const StudyPlan read = read_plan(folder / "a.json");
  CHECK(read.runs == plan.runs);
  CHECK(read.estimated_seconds == plan.estimated_seconds);
  write_plan(folder / "c.json", read);
  CHECK((contents(folder / "a.json") == contents(folder / "c.json")));
}

TEST_CASE("a training's key depends on all that decides its result, and not on the section that tells of it") {
  const StudyRun run{.variant = "best", .section = 4, .split = "random", .method = "sound"};
  CHECK(run.key().size() == 16);
  StudyRun other = run;
  other.section = 5;
  CHECK(other.key() == run.key());
  const auto changes_key = [&](auto&& change) {
    StudyRun changed = run;
    change(changed);
    return changed.key() != run.key();
  };
  CHECK(changes_key([](StudyRun& r) { r.variant = "l2"; }));
  CHECK(changes_key([](StudyRun& r) { r.network = "l2"; }));
  CHECK(changes_key([](StudyRun& r) { r.augment = "small"; }));
  CHECK(changes_key([](StudyRun& r) { r.tuning = "AdamW"; }));
  CHECK(changes_key([](StudyRun& r) { r.split = "group"; }));
  CHECK(changes_key([](StudyRun& r) { r.method = "report"; }));
  CHECK(changes_key([](StudyRun& r) { r.seed = 2; }));
  CHECK(changes_key([](StudyRun& r) { r.epochs = 2; }));
  CHECK(changes_key([](StudyRun& r) { r.patience = 2; }));
  CHECK(changes_key([](StudyRun& r) { r.batch = 2; }));
  CHECK(changes_key([](StudyRun& r) { r.size = 32; }));
  CHECK(changes_key([](StudyRun& r) { r.framing = "whole"; }));
  CHECK(changes_key([](StudyRun& r) { r.fingerprint = "x"; }));
}

TEST_CASE("a plan whose run was changed by hand is refused") {
  const ScratchFolder folder;
  write_plan(folder / "plan.json", plan_study({.synthetic = true, .sections = "4"}, {}, thousand, millisecond));
  std::string text = contents(folder / "plan.json");
  text.replace(text.rfind("\"epochs\": 60"), 12, "\"epochs\": 61");
  std::ofstream(folder / "plan.json") << text;
  CHECK_THROWS_WITH(read_plan(folder / "plan.json"), Contains("has been changed"));
  std::ofstream(folder / "plan.json") << "{}";
  CHECK_THROWS_WITH(read_plan(folder / "plan.json"), Contains("plan of a study"));
}

TEST_CASE("a budget cuts epochs before it cuts the second seed, says so, and is kept") {
  // In full 2078 s at a millisecond a picture; what is usable of a budget is 95 %.
  const auto with = [](const std::string& budget) {
    return plan_study({.synthetic = true, .budget = budget}, {"seeds"}, thousand, millisecond);
  };
  const StudyPlan roomy = with("40m");
  CHECK(roomy.cuts.empty());
  CHECK(roomy.options.epochs == 60);

  const StudyPlan half = with("20m");
  CHECK(half.options.seeds == 2);
  CHECK(half.options.epochs == 30);
  CHECK(half.options.patience == 8);
  REQUIRE(half.cuts.size() == 1);
  CHECK(half.cuts[0] ==
        "Epochs at most: 30 instead of 60, with a patience of 8 instead of 15; section 3: 13 instead of 25.");
  CHECK(together(half) <= 0.95 * 20 * 60);

  const StudyPlan single = with("10m");
  CHECK(single.options.seeds == 1);
  CHECK(single.options.epochs == 30);
  REQUIRE(single.cuts.size() == 2);
  CHECK(single.cuts[0] == "Seeds of each kind of training: 1 instead of 2.");
  CHECK(together(single) <= 0.95 * 10 * 60);

  const StudyPlan small = with("60s");
  CHECK(small.options.split == "group");
  CHECK_THAT(small.cuts.back(), Contains("sections 3, 4, 5, 6, 7, 8 only 3, 4") || Contains("random split"));
  CHECK(together(small) <= 0.95 * 60);
}

TEST_CASE("a machine that is busy when a study is planned is named, with its load") {
  CHECK(load_warning(1.0, 2).empty());
  CHECK(load_warning(0.0, 1).empty());
  CHECK_THAT(load_warning(6.66, 2), Contains("load average 6.7 on 2 processors"));
}

TEST_CASE("a budget with room takes more seeds where none were named") {
  const StudyPlan plan = plan_study({.synthetic = true, .budget = "2h"}, {}, thousand, millisecond);
  CHECK(plan.options.seeds == 5);
  CHECK(plan.cuts.empty());
  CHECK_THAT(plan.remarks.at(0), Contains("room for 5 seeds"));
  // By default 45 minutes, which are never filled with more seeds, and no limit for those who name what they want.
  const StudyPlan slow = plan_study({.synthetic = true}, {}, thousand,
                                    [](const StudyRun&) { return Speed{.per_training_picture = 2e-3}; });
  CHECK(slow.options.epochs == 30);
  CHECK(slow.options.budget == "45m");
  CHECK(together(slow) <= 0.95 * 45 * 60);
  CHECK(plan_study({.synthetic = true, .seeds = 5}, {"seeds"}, thousand, millisecond).options.seeds == 5);
  CHECK(plan_study({.synthetic = true, .budget = "2h"}, {"seeds"}, thousand, millisecond).options.seeds == 2);
}

TEST_CASE("times, sections and choices that make no sense are wrong usage") {
  CHECK(budget_seconds("none") == 0);
  CHECK(budget_seconds("1h30m") == 5400);
  CHECK(budget_seconds("90s") == 90);
  CHECK(budget_seconds("1.5m") == 90);
  for (const char* text : {"", "30", "m", "-5m", "0m", "5x", "1h30", "nanm"})
    CHECK_THROWS_AS(budget_seconds(text), UsageError);
  CHECK(chosen_sections("6,4,4") == std::vector<int>{4, 6});
  for (const char* text : {"", "9", "4,", "four"}) CHECK_THROWS_AS(chosen_sections(text), UsageError);
  CHECK_THROWS_AS(plan_study({.budget = "1s"}, {}, thousand, millisecond), UsageError);
  CHECK_THROWS_AS(plan_study({.split = "people"}, {}, thousand, millisecond), UsageError);
  CHECK_THROWS_AS(plan_study({.seeds = 0}, {}, thousand, millisecond), UsageError);
}

TEST_CASE("of section 7 the bases with weights are planned, their features counted once, and the others told of") {
  const std::vector<StudyBase> bases{{.variant = "vgg16", .weights = "6d6b"},
                                     {.variant = "resnet50", .absent = "not run: no weights. Get them."}};
  const auto speed = [](const StudyRun& run) {
    return Speed{.per_epoch = 1, .once_per_picture = run.weights.empty() ? 0 : 0.5};
  };
  const StudyPlan plan =
      plan_study({.method = "both", .sections = "7", .seeds = 2, .epochs = 10}, {"seeds"}, thousand, speed, bases);
  REQUIRE(plan.runs.size() == 8);  // two methods, splits and seeds
  for (const StudyRun& run : plan.runs) CHECK(run.weights == "6d6b");
  CHECK(plan.runs[0].network == "vgg16+own+report");
  CHECK(plan.runs[4].network == "vgg16+unit+report");
  CHECK(plan.estimated_seconds[0] == Approx(510));
  CHECK(plan.estimated_seconds[1] == Approx(10));
  CHECK(plan.estimated_seconds[4] == Approx(510));
  REQUIRE(plan.absent.size() == 1);
  CHECK(plan.absent[0].variant == "resnet50");
  CHECK_THROWS_WITH(plan_study({.sections = "7"}, {}, thousand, speed, {bases[1]}), Contains("Get them."));
}

TEST_CASE("photographs in colour reach the bases in colour by the sound method, and no other run") {
  const std::vector<StudyBase> bases{{.variant = "vgg16", .weights = "md5", .file = "vgg16.h5"}};
  const StudyOptions options{.method = "both", .sections = "4,7"};
  StudyPictures coloured = thousand;
  coloured.in_colour = true;
  const StudyPlan grey = plan_study(options, {}, thousand, millisecond, bases),
                  colour = plan_study(options, {}, coloured, millisecond, bases);
  REQUIRE(grey.runs.size() == colour.runs.size());
  for (std::size_t i = 0; i < grey.runs.size(); ++i) {
    const StudyRun& run = colour.runs[i];
    const bool sees_colour = run.section == 7 && run.method == "sound";
    CHECK(run.colour == (sees_colour ? "rgb" : "grey"));
    CHECK((run.key() == grey.runs[i].key()) == !sees_colour);
  }
  const ScratchFolder folder;
  write_plan(folder / "plan.json", colour);
  CHECK(read_plan(folder / "plan.json").runs == colour.runs);
}

TEST_CASE("where nobody knows who is on a picture, only the random split is planned, and said") {
  StudyPictures unknown = thousand;
  unknown.people = 0;
  const StudyPlan plan = plan_study({.sections = "4"}, {}, unknown, millisecond);
  CHECK(plan.options.split == "random");
  CHECK(count(plan, 4) == 8);
  CHECK_THAT(plan.remarks.at(0), Contains("only the random split"));
  CHECK_THROWS_AS(plan_study({.split = "group"}, {}, unknown, millisecond), UsageError);
}

TEST_CASE("the report's method penalises outputs, the sound one weights; section 6 has section 5's second strength") {
  CHECK(training_of("l2", "sound").network == "l2");
  CHECK(training_of("l2", "report").network == "l2_activity");
  CHECK(training_of("all_three", "report").network == "all_three_activity");
  CHECK(training_of("dropout", "report").network == "dropout");
  for (const std::string& id : variants_of_section(6)) CHECK(training_of(id, "sound").augment == "smaller");
  CHECK(variants_of_section(5).at(1) == "augment_smaller");
  CHECK(training_of("augment_smaller", "sound").augment == "smaller");
  CHECK(training_of("augment_small_plain", "sound").augment == "small_plain");
  for (const Variant& one : variants()) CHECK(is_network(training_of(one.id, "sound").network));
}

TEST_CASE("a run's sides: 120, 40 and 40 of 200 a class; by person, nobody on two; section 3 has all on one") {
  LabelledImages images;
  images.images = Tensor::from(std::vector<std::uint8_t>(1000), {1000, 1, 1, 1});
  for (int i = 0; i < 1000; ++i) {
    images.labels.push_back(i % 5);
    images.groups.push_back(std::to_string(i / 25));
    images.names.push_back(std::to_string(i));
  }
  images.class_names = {"a", "b", "c", "d", "e"};
  const Dataset data(images);
  const Split random = sides_of({.variant = "best", .split = "random"}, data);
  CHECK(random.train.class_counts() == std::vector<int>(5, 120));
  CHECK(random.validation.class_counts() == std::vector<int>(5, 40));
  CHECK(random.test.class_counts() == std::vector<int>(5, 40));
  const Split group = sides_of({.variant = "best", .split = "group"}, data);
  CHECK(group.train.size() == 600);
  CHECK(group.test.size() == 200);
  std::set<std::string> trained;
  for (int i = 0; i < group.train.size(); ++i) trained.insert(group.train.group(i));
  for (int i = 0; i < group.test.size(); ++i) CHECK(trained.count(group.test.group(i)) == 0);
  for (int i = 0; i < group.validation.size(); ++i) CHECK(trained.count(group.validation.group(i)) == 0);
  const Split all = sides_of({.variant = "best", .split = "all"}, data);
  CHECK(all.train.size() == 1000);
  CHECK(all.test.size() == 1000);
  CHECK(all.validation.empty());
}
