// Precision, recall, F1 and their averages; calibration. All cases are worked by hand.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "mien/kernels/error.h"
#include "mien/train/calibration.h"
#include "mien/train/metrics.h"

using namespace mien;

namespace {

const std::vector<std::string> three{"happy", "sad", "angry"};

}  // namespace

TEST_CASE("metrics of each class and their averages are those of the confusion matrix", "[metrics]") {
  //            called  happy sad angry
  // happy (4)            3    1    0     precision 3/4, recall 3/4
  // sad   (2)            1    1    0     precision 1/3, recall 1/2
  // angry (2)            0    1    1     precision 1/1, recall 1/2
  const Metrics m = classification_metrics({0, 0, 0, 0, 1, 1, 2, 2}, {0, 0, 0, 1, 0, 1, 1, 2}, three);
  CHECK(m.count == 8);
  CHECK(m.confusion == std::vector<std::vector<int>>{{3, 1, 0}, {1, 1, 0}, {0, 1, 1}});
  CHECK(m.accuracy == Approx(5 / 8.0));
  CHECK(m.classes[0].name == "happy");
  CHECK(m.classes[0].support == 4);
  CHECK(m.classes[0].precision == Approx(3 / 4.0));
  CHECK(m.classes[1].precision == Approx(1 / 3.0));
  CHECK(m.classes[1].recall == Approx(1 / 2.0));
  CHECK(m.classes[0].f1 == Approx(3 / 4.0));
  CHECK(m.classes[1].f1 == Approx(2 / 5.0));
  CHECK(m.classes[2].f1 == Approx(2 / 3.0));
  CHECK(m.macro_precision == Approx((3 / 4.0 + 1 / 3.0 + 1) / 3));
  CHECK(m.macro_recall == Approx((3 / 4.0 + 1 / 2.0 + 1 / 2.0) / 3));
  CHECK(m.macro_f1 == Approx((3 / 4.0 + 2 / 5.0 + 2 / 3.0) / 3));
  // Pooled: 5 hits among 8 answers and among 8 pictures.
  CHECK(m.micro_precision == Approx(5 / 8.0));
  CHECK(m.micro_recall == Approx(5 / 8.0));
  CHECK(m.micro_f1 == Approx(5 / 8.0));
  CHECK(m.weighted_precision == Approx((4 * 3 / 4.0 + 2 / 3.0 + 2) / 8));
  CHECK(m.weighted_recall == Approx(5 / 8.0));
  CHECK(m.weighted_f1 == Approx((4 * 3 / 4.0 + 2 * 2 / 5.0 + 2 * 2 / 3.0) / 8));
  CHECK(m.balanced_accuracy == Approx((3 / 4.0 + 1 / 2.0 + 1 / 2.0) / 3));
}

TEST_CASE("a class that is never called, or has no picture, counts as 0 and breaks nothing", "[metrics]") {
  const Metrics never = classification_metrics({0, 1, 2}, {0, 1, 1}, three);
  CHECK(never.classes[2].precision == 0);
  CHECK(never.classes[2].recall == 0);
  CHECK(never.classes[2].f1 == 0);
  CHECK(never.macro_recall == Approx(2 / 3.0));
  const Metrics absent = classification_metrics({0, 0, 1, 1}, {0, 2, 1, 1}, three);
  CHECK(absent.classes[2].support == 0);
  CHECK(absent.classes[2].recall == 0);
  CHECK(absent.macro_recall == Approx((1 / 2.0 + 1 + 0) / 3));
  CHECK(absent.balanced_accuracy == Approx((1 / 2.0 + 1) / 2));  // of the classes that are there
  CHECK(absent.weighted_recall == Approx(3 / 4.0));
  const Metrics wrong = classification_metrics({0, 1}, {1, 0}, three);
  CHECK(wrong.accuracy == 0);
  CHECK(wrong.macro_f1 == 0);
  const Metrics perfect = classification_metrics({0, 1, 2}, {0, 1, 2}, three);
  for (const double figure : {perfect.accuracy, perfect.macro_precision, perfect.macro_recall, perfect.macro_f1,
                              perfect.micro_f1, perfect.weighted_f1, perfect.balanced_accuracy})
    CHECK(figure == Approx(1));
}

TEST_CASE("metrics come alike from answers and from their confusion matrix, and refuse what is neither", "[metrics]") {
  const Metrics counted = confusion_metrics({{3, 1}, {2, 4}}, {"a", "b"});
  CHECK(counted.count == 10);
  CHECK(counted.accuracy == Approx(0.7));
  CHECK(counted.classes[0].precision == Approx(3 / 5.0));
  CHECK_THROWS_WITH(classification_metrics({0, 1}, {0}, three), Catch::Contains("Got 1 for 2"));
  CHECK_THROWS_WITH(classification_metrics({}, {}, three), Catch::Contains("at least one"));
  CHECK_THROWS_WITH(classification_metrics({0}, {3}, three), Catch::Contains("class 3 is not one of the 3"));
  CHECK_THROWS_WITH(classification_metrics({-1}, {0}, three), Catch::Contains("class -1"));
  CHECK_THROWS_WITH(confusion_metrics({{1, 2}}, {"a", "b"}), Catch::Contains("1 rows for 2 classes"));
  CHECK_THROWS_WITH(confusion_metrics({{1, 2}, {3}}, {"a", "b"}), Catch::Contains("square"));
  CHECK_THROWS_WITH(confusion_metrics({{1, 2}, {3, -1}}, {"a", "b"}), Catch::Contains("Got -1"));
  CHECK_THROWS_WITH(confusion_metrics({{0, 0}, {0, 0}}, {"a", "b"}), Catch::Contains("at least one picture"));
}

TEST_CASE("calibration holds each bin's confidence against its share of right answers", "[calibration]") {
  // Confidences 0.75 (right), 0.75 (wrong), 0.875 (right), 0.625 (right): of four bins, (0.5, 0.75] holds three with
  // mean 17/24, two of them right; (0.75, 1] holds one.
  const Calibration c = calibration({0.75f, 0.25f, 0.25f, 0.75f, 0.125f, 0.875f, 0.625f, 0.375f}, {0, 0, 1, 0}, 4);
  CHECK(c.count == 4);
  REQUIRE(c.bins.size() == 4);
  CHECK(c.bins[1].count == 0);
  CHECK(c.bins[1].confidence == 0);
  CHECK(c.bins[2].low == 0.5);
  CHECK(c.bins[2].high == 0.75);
  CHECK(c.bins[2].count == 3);
  CHECK(c.bins[2].confidence == Approx(17 / 24.0));
  CHECK(c.bins[2].accuracy == Approx(2 / 3.0));
  CHECK(c.bins[3].count == 1);
  CHECK(c.confidence == Approx(3 / 4.0));
  CHECK(c.accuracy == Approx(3 / 4.0));
  CHECK(c.expected_error == Approx((3 * (17 / 24.0 - 2 / 3.0) + (1 - 0.875)) / 4));
  CHECK(c.maximum_error == Approx(0.125));
  // Both classes' squares are the same: 2 * (1/16 + 9/16 + 1/64 + 9/64) / 4.
  CHECK(c.brier_score == Approx(2 * (40 / 64.0 + 10 / 64.0) / 4));
  CHECK(c.log_loss == Approx(-(std::log(0.75) + std::log(0.25) + std::log(0.875) + std::log(0.625)) / 4));
}

TEST_CASE("probabilities of 0 and 1: sure and right costs nothing, sure and wrong costs much but not infinitely much",
          "[calibration]") {
  const Calibration right = calibration({1, 0, 0, 1}, {0, 1});
  CHECK(right.expected_error == 0);
  CHECK(right.brier_score == 0);
  CHECK(right.log_loss == 0);
  CHECK(right.bins.back().count == 2);
  const Calibration wrong = calibration({1, 0, 0, 1}, {1, 0});
  CHECK(wrong.expected_error == 1);
  CHECK(wrong.maximum_error == 1);
  CHECK(wrong.brier_score == 2);
  CHECK(wrong.log_loss == Approx(52 * std::log(2)));
}

TEST_CASE("a confidence on the edge of two bins is in the lower one, a tie of classes goes to the first",
          "[calibration]") {
  const Calibration tied = calibration({0.5f, 0.5f, 0.5f, 0.5f}, {0, 1}, 2);
  CHECK(tied.bins[0].count == 2);
  CHECK(tied.bins[1].count == 0);
  CHECK(tied.bins[0].accuracy == 0.5);
  // A bin for each picture or one for all: the pictures are all counted, once.
  for (const int bins : {1, 3, 7, 100}) {
    const Calibration c = calibration({0.9f, 0.1f, 0.3f, 0.7f, 0.55f, 0.45f}, {0, 1, 1}, bins);
    CHECK(std::accumulate(c.bins.begin(), c.bins.end(), 0,
                          [](int sum, const ReliabilityBin& bin) { return sum + bin.count; }) == 3);
  }
}

TEST_CASE("calibration refuses what are no probabilities, and says of which picture", "[calibration]") {
  CHECK_THROWS_WITH(calibration({0.5f, 0.5f, NAN, 0.5f}, {0, 1}),
                    Catch::Contains("Got nan for class 0 of picture 1") && Catch::StartsWith("[calibration]"));
  CHECK_THROWS_WITH(calibration({1.5f, -0.5f}, {0}), Catch::Contains("Got 1.5"));
  CHECK_THROWS_WITH(calibration({INFINITY, 0}, {0}), Catch::Contains("Got inf"));
  CHECK_THROWS_WITH(calibration({0.5f, 0.4f}, {0}), Catch::Contains("add up to 1"));
  CHECK_THROWS_WITH(calibration({0.5f, 0.5f}, {2}), Catch::Contains("class 2 is not one of the 2"));
  CHECK_THROWS_WITH(calibration({0.5f, 0.5f, 1}, {0, 1}), Catch::Contains("3 probabilities for 2 labels"));
  CHECK_THROWS_WITH(calibration({}, {}), Catch::Contains("at least one"));
  CHECK_THROWS_WITH(calibration({0.5f, 0.5f}, {0}, 0), Catch::Contains("at least one bin"));
}
