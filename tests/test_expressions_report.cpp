// The study's report from made-up results: figures worked out by hand, and no sentence that they do not bear out.
#include <catch2/catch.hpp>

#include <algorithm>

#include "../examples/expressions/study/report_2021.h"
#include "../examples/expressions/study/report_compare.h"
#include "../examples/expressions/study/report_figures.h"
#include "../examples/expressions/study/report_sentences.h"
#include "../examples/expressions/study/report_tables.h"
#include "../examples/expressions/study/report_text.h"
#include "../examples/expressions/svg_to_png.h"
#include "child_process.h"
#include "mien/core/numbers.h"
#include "mien/io/file.h"
#include "study_report_testing.h"

using namespace mien;
using namespace mien::testing;
using namespace mien::expressions::study;

namespace {

std::string all_of(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += sentence + "\n";
  return text;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Every cell of every table of a document.
std::vector<std::string> all_cells(const Document& document) {
  std::vector<std::string> cells;
  for (const DocumentTable& table : tables_of(document))
    for (const auto& row : table.rows)
      for (const DocumentCell& one : row) cells.push_back(one.text);
  return cells;
}

}  // namespace

TEST_CASE("figures are a mean and its deviation over seeds, or one value without", "[study report]") {
  CHECK(accuracy_text({0.755}) == "75.5 %");
  CHECK(accuracy_text({0.70, 0.80}) == "75.0 ± 7.1 %");  // deviation: 0.1 / sqrt(2)
  CHECK(losses_text({2.7045e-07}) == "2.7e-07");
  CHECK(losses_text({0.002, 0.004}) == "0.0030 ± 0.0014");
  CHECK(losses_text({2e-5, 4e-5}) == "3.0e-05 ± 1.4e-05");
  CHECK(losses_text({0.5, NAN}) == "not finite");
  CHECK(points_text({0.10, 0.14}) == "+12.0 ± 2.8 points");
  CHECK(points_text({-0.10}) == "-10.0 points");
  CHECK(points_text({0.0}) == "0.0 points");
  CHECK(count_text({3}) == "3");
  CHECK(count_text({3, 6}) == "4.5 ± 2.1");
  CHECK(listed({"a", "b", "c"}) == "a, b and c");
  CHECK(counted(1, "seed", "seeds") == "one seed");
  CHECK(counted(12, "seed", "seeds") == "12 seeds");
}

TEST_CASE("the tables show the report's figures beside ours", "[study report]") {
  const Study made = made_up_study({.wrong = {{"best", 0}, {"attempt_1", 4}}, .loss = {{"best", 0.002}}});
  const StudyRuns runs(made);

  const DocumentTable overfit = overfit_table(runs);
  CHECK(cell(overfit, "Best", 1) == "2.7045e-07");
  CHECK(cell(overfit, "Best", 2) == "100.0 %");
  CHECK(cell(overfit, "Best", 3) == "0.0030 ± 0.0014");  // 0.002 and 0.004
  CHECK(cell(overfit, "Best", 4) == "100.0 ± 0.0 %");
  CHECK(cell(overfit, "Best", 5) == "3.0 ± 0.0");
  CHECK(cell(overfit, "Best", 6) == "1,234");
  CHECK(cell(overfit, "Attempt 1", 4) == "90.0 ± 0.0 %");  // 36 of 40
  CHECK(cell(notebook_table(runs), "Notebook: baseline", 1) == "44,243");

  // A side of 40 pictures by 0.6, 0.2, 0.2: 25 of training, 8 or 10 of test; two of them wrong unless said.
  const int test = sides_of(made.plan.runs.back(), made.data).test.size();
  const DocumentTable tested = test_table(runs);
  CHECK(cell(tested, "Attempt 1", 1) == "63.5 %");
  CHECK(cell(tested, "Best", 1) == "95.5 %");
  CHECK(cell(tested, "Best", 5) == "100.0 ± 0.0 %");
  CHECK(cell(tested, "Attempt 2", 5) == join(mien::fixed(100.0 * (test - 2) / test, 1), " ± 0.0 %"));
  CHECK(cell(tested, "Best", 6) == "0.0 ± 0.0 points");

  const DocumentTable augmentation = section_table(runs, 5), regularisation = section_table(runs, 6);
  CHECK(cell(augmentation, "Smaller", 1) == "0.0111");
  CHECK(cell(augmentation, "Smaller", 2) == "100.0 %");
  CHECK(cell(augmentation, "None (Best of section 4)", 6) == "100.0 ± 0.0 %");
  CHECK(cell(regularisation, "All three", 1) == "0.0608");
  CHECK(cell(regularisation, "All three", 2) == "98.0 %");

  CHECK(reported_test("attempt_1")->accuracy == 0.635);
  CHECK(reported_test("augment_smaller")->loss == "0.0111");
  CHECK_FALSE(reported_test("baseline"));

  const DocumentTable classes = class_table(made);
  CHECK(cell(classes, "happy", 2) == "8");
  CHECK(cell(classes, "all", 2) == "40");
  CHECK(cell(classes, "all", 3) == "8");
  const DocumentTable sides = split_table(runs);
  CHECK(cell(sides, "happy", 1) == "120");
  CHECK(cell(sides, "pictures of people who were trained on too", 9) == "0");
  CHECK(cell(sides, "pictures of people who were trained on too", 6) != "0");
}

TEST_CASE("with one seed no deviation is printed and nothing is called shown", "[study report]") {
  const Study made = made_up_study({.seeds = 1, .wrong = {{"best", 0}, {"attempt_1", 7}}});
  const StudyRuns runs(made);
  for (const std::string& text : all_cells(study_document(made))) CHECK_FALSE(holds(text, "±"));
  for (const SplitComparison& one : comparisons_of(runs, 4)) CHECK_FALSE(one.result.shown);
  CHECK(holds(all_of(findings(runs)), "no difference shown"));
  CHECK(overfit_table(runs).rows[0][3].link == join("runs/", made.results[0].key, "/"));
}

TEST_CASE("a difference is called shown where it is, and \"no difference shown\" stands elsewhere", "[study report]") {
  // Without a split by person all eight people may be tested, so that a difference on all of them can be told.
  const Study same = made_up_study({.seeds = 5});
  CHECK(holds(all_of(section_sentences(StudyRuns(same), 6)), "no difference shown for L2 on the first convolution"));
  CHECK_FALSE(holds(all_of(section_sentences(StudyRuns(same), 6)), "is shown for"));

  const Study apart = made_up_study({.seeds = 5, .wrong = {{"augment_smaller", 0}, {"dropout", 7}}});
  const StudyRuns runs(apart);
  bool any = false;
  for (const SplitComparison& one : comparisons_of(runs, 6)) any = any || one.result.shown;
  const std::string said = all_of(section_sentences(runs, 6));
  CHECK(any == holds(said, "lower accuracy is shown for"));
  CHECK_FALSE(holds(said, "higher accuracy is shown for"));
  CHECK(holds(all_of(recipe_sentences(runs)), "No difference shown between Recipe and Best"));
}

TEST_CASE("what was not run says so, and no cell is empty", "[study report]") {
  Study made = made_up_study({.splits = {"group"}, .left_out = {"attempt_2", "dropout"}});
  made.plan.cuts = {"The budget left out section 9."};
  made.plan.absent = {{.variant = "resnet50", .absent = "not run: no weights. Get them."}};
  const StudyRuns runs(made);
  CHECK(holds(cell(overfit_table(runs), "Attempt 2", 3), "not run: not finished yet"));
  CHECK(holds(cell(test_table(runs), "Best", 2), "not run: this split was not asked for"));
  CHECK(holds(cell(test_table(runs), "Best", 6), "not known: needs both splits"));
  CHECK(holds(all_of(leak_sentences(runs)), "not known"));
  const Document document = study_document(made);
  for (const DocumentTable& table : tables_of(document))
    for (const auto& row : table.rows)
      for (const DocumentCell& one : row) {
        INFO(table.id << ": " << row[0].text);
        CHECK_FALSE(one.text.empty());
      }
  CHECK(holds(to_html(document), "The budget left out section 9."));
  CHECK(holds(cell(pretrained_table(runs), "ResNet50", 1), "1.48"));
  CHECK(holds(cell(pretrained_table(runs), "ResNet50", 6), "not run: no weights"));
  CHECK(holds(cell(pretrained_table(runs), "ResNet50", 8), "Get them."));
}

TEST_CASE("what was discarded is told from the list that prepare leaves", "[study report]") {
  const ScratchFolder scratch;
  Study made = made_up_study();
  CHECK(holds(discarded_sentence(made), "drawn faces"));
  made.plan.options.synthetic = false;
  made.plan.options.data = scratch.path().string();
  CHECK(holds(discarded_sentence(made), "is not recorded here"));
  write_file_atomically(scratch.path() / "prepare.csv",
                        "file,outcome\na.jpg,kept\nb.jpg,blurred\nc.jpg,kept\nd.jpg,unreadable\n");
  CHECK(holds(discarded_sentence(made), "from 4 files: 1 blurred, 2 kept and 1 unreadable."));
}

TEST_CASE("a brief report has the plots of the best network only", "[study report]") {
  Study made = made_up_study({.only = {"attempt_1", "best"}});
  made.plan.options.brief = true;
  std::vector<std::string> ids;
  for (const DocumentFigure& figure : figures_of(study_document(made))) ids.push_back(figure.id);
  CHECK(std::count(ids.begin(), ids.end(), "best-group-confusion") == 1);
  CHECK(std::count(ids.begin(), ids.end(), "attempt_1-group-confusion") == 0);
}

TEST_CASE("both methods stand side by side where both were run", "[study report]") {
  const Study made = made_up_study({.methods = {"report", "sound"}});
  const StudyRuns runs(made);
  CHECK(runs.method() == "sound");
  const DocumentTable tested = test_table(runs);
  CHECK(tested.rows.size() == 8);
  CHECK(tested.rows[0][1].text == "the report's");
  CHECK(tested.rows[1][1].text == "sound");
  CHECK(method_sentences(runs).size() == 2);
  CHECK(method_sentences(StudyRuns(made_up_study())).empty());
}

TEST_CASE("sentences follow the numbers", "[study report]") {
  // 32 of 40 wrong is as good as guessing one of five classes.
  const Study stuck = made_up_study({.wrong = {{"baseline", 32}, {"label_as_input", 0}}});
  CHECK(holds(all_of(notebook_sentences(StudyRuns(stuck))), "stuck at chance with every seed"));
  CHECK(holds(all_of(notebook_sentences(StudyRuns(stuck))), "a perfect score says nothing of faces"));
  const Study free = made_up_study({.wrong = {{"baseline", 0}, {"label_as_input", 20}}});
  CHECK(holds(all_of(notebook_sentences(StudyRuns(free))), "It is not stuck here"));
  CHECK_FALSE(holds(all_of(notebook_sentences(StudyRuns(free))), "a perfect score says nothing of faces"));

  CHECK(holds(overfit_sentences(StudyRuns(stuck))[0], "none of the networks gets all right"));
  const Study perfect = made_up_study({.wrong = {{"attempt_1", 0}, {"attempt_2", 0}, {"attempt_3", 0}, {"best", 0}}});
  CHECK(holds(overfit_sentences(StudyRuns(perfect))[0], "get all of them right with every seed"));

  const auto count = findings(StudyRuns(perfect)).size();
  CHECK(count >= 5);
  CHECK(count <= 8);
}

TEST_CASE("curves are means over seeds with a band, as far as every seed goes", "[study report]") {
  Study made = made_up_study();
  StudyResult& second = made.results[1];
  REQUIRE(second.run.variant == made.results[0].run.variant);
  second.history.pop_back();
  second.history[0].loss = 0.5;  // the first seed's is 1.5
  const StudyRuns runs(made);
  const PlotSeries curve = curve_of(runs.group(second.run.variant, "all"), Curve::loss, "loss");
  REQUIRE(curve.y.size() == 2);
  CHECK(curve.y[0] == Approx(1.0));
  CHECK(curve.upper[0] == Approx(1.0 + std::sqrt(0.5)));
  CHECK(curve.lower[0] == Approx(1.0 - std::sqrt(0.5)));
}

TEST_CASE("a written report has every table as CSV and every figure as SVG and PNG, and only its last section changes",
          "[study report]") {
  const ScratchFolder scratch;
  Study made = made_up_study({.only = {"best", "augment_smaller"}});
  made.folder = scratch.path();
  write_report(made, scratch.path());
  const std::string page = contents(scratch.path() / "report.html");
  const Document document = study_document(made);
  for (const DocumentTable& table : tables_of(document))
    CHECK(contents(scratch.path() / "tables" / (table.id + ".csv")) == to_csv(table));
  for (const DocumentFigure& figure : figures_of(document)) {
    INFO(figure.id);
    CHECK(holds(contents(scratch.path() / "figures" / (figure.id + ".svg")), "<title"));
    if (expressions::can_make_png())
      CHECK(contents(scratch.path() / "figures" / (figure.id + ".png")).substr(1, 3) == "PNG");
  }
  for (const StudyResult& result : made.results)
    std::filesystem::create_directories(run_folder(scratch.path(), result.key));
  const Outcome checked =
      ChildProcess({"/usr/bin/env", "python3", std::string(MIEN_SOURCE_DIR) + "/tests/page_check.py",
                    (scratch.path() / "report.html").string(), (scratch.path() / "report.md").string()},
                   scratch.path())
          .wait();
  INFO(checked.out);
  CHECK((checked.exit_code == 0 || checked.exit_code == 127));  // 127: no Python here

  made.surroundings.finished = "2027-01-01 00:00 UTC";
  for (StudyResult& result : made.results) result.seconds *= 2, result.images_per_second /= 2;
  const std::string again = to_html(study_document(made));
  const auto last = page.find("id=\"timings\"");
  REQUIRE(last != std::string::npos);
  CHECK(page.substr(0, last) == again.substr(0, last));
  CHECK(page != again);
}
