// The report: sentences that the numbers bear out, and a page that stands alone.
#include <catch2/catch.hpp>
#include <regex>

#include "mien/train/report.h"

using namespace mien;

namespace {

/// Ten test pictures of two classes, of which `right` are recognised; people as asked.
ReportData data_with(int right, const std::vector<std::string>& train_people,
                     const std::vector<std::string>& test_people) {
  const auto side = [](const std::vector<std::string>& people) {
    LabelledImages all;
    all.class_names = {"happy", "sad & <tired>"};
    for (int i = 0; i < 10; ++i) {
      all.labels.push_back(i % 2);
      all.names.push_back("picture<" + std::to_string(i) + ">.png");
      if (!people.empty()) all.groups.push_back(people[static_cast<std::size_t>(i) % people.size()]);
    }
    all.images = Tensor::from(std::vector<std::uint8_t>(10 * 64, 90), {10, 8, 8, 1});
    return Dataset(std::move(all));
  };
  ReportData data;
  data.sides = {side(train_people), side(train_people), side(test_people)};
  for (int epoch = 0; epoch < 3; ++epoch)
    data.history.epochs.push_back({epoch, 1.0 - 0.3 * epoch, 0.5, epoch == 1 ? 0.8 : 1.2, 0.6, 1e-3, 1, 10});
  data.history.best_epoch = 1;
  for (int i = 0; i < 10; ++i) {
    data.test.labels.push_back(i % 2);
    data.test.predictions.push_back(i < right ? i % 2 : 1 - i % 2);
    data.test.probabilities.push_back(0.5f);
    data.test.probabilities.push_back(0.5f);
  }
  data.metrics = classification_metrics(data.test.labels, data.test.predictions, data.sides.test.class_names());
  data.facts = {{"seed", "1"}};
  return data;
}

std::string all_findings(const ReportData& data) {
  std::string text;
  for (const std::string& sentence : findings(data)) text += sentence + "\n";
  return text;
}

}  // namespace

TEST_CASE("Wilson's interval is that of the textbook", "[report]") {
  // 15 of 50: 0.1910 to 0.4375 (Newcombe, "Two-sided confidence intervals for the single proportion", 1998, method 3
  // gives the formula; worked by hand).
  const auto [low, high] = wilson_interval(15, 50);
  CHECK(low == Approx(0.1910).margin(5e-4));
  CHECK(high == Approx(0.4375).margin(5e-4));
  CHECK(wilson_interval(0, 10).first == Approx(0).margin(1e-12));
  CHECK(wilson_interval(10, 10).second == Approx(1));
}

TEST_CASE("the findings say only what the numbers show", "[report]") {
  const std::string good = all_findings(data_with(10, {"a"}, {"b"}));
  CHECK(good.find("right on 10 of 10 test pictures, 100.0 %") != std::string::npos);
  CHECK(good.find("does not exclude guessing") == std::string::npos);
  CHECK(good.find("Nobody stands on both sides") != std::string::npos);
  CHECK(good.find("and new ones worse") != std::string::npos);
  CHECK(good.find("worst") == std::string::npos);

  const std::string chance = all_findings(data_with(5, {"a"}, {"a", "b"}));
  CHECK(chance.find("which does not exclude guessing") != std::string::npos);
  CHECK(chance.find("5 of the 10 test pictures (50 %) show somebody who was trained on too") != std::string::npos);
  CHECK(all_findings(data_with(9, {}, {})).find("not recorded which pictures show the same person") !=
        std::string::npos);

  ReportData falling = data_with(9, {"a"}, {"b"});
  falling.history.epochs[2].val_loss = 0.7;
  CHECK(all_findings(falling).find("and new ones worse") == std::string::npos);
}

TEST_CASE("the page stands alone: no reference to anything outside, every name escaped, every figure there",
          "[report]") {
  const std::string page = to_html(data_with(7, {"a"}, {"b"}));
  const std::regex outside(R"((src|href)\s*=\s*"(?!data:|#))");
  CHECK_FALSE(std::regex_search(page, outside));
  CHECK(page.find("url(http") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  for (int i = 0; i < 10; ++i) CHECK(page.find("picture<" + std::to_string(i)) == std::string::npos);
  CHECK(page.find("<tired>") == std::string::npos);
  std::size_t plots = 0, pictures = 0;
  for (std::size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++plots;
  for (std::size_t at = page.find("<img"); at != std::string::npos; at = page.find("<img", at + 1)) ++pictures;
  CHECK(plots == 3);
  CHECK(pictures == 10 + 3);  // the training samples and the mistakes
}
