// Metrics, calibration, tests and bootstrap against scikit-learn and scipy: tests/golden/statistics.json, written by
// make_statistics.py beside it.
#include <catch2/catch.hpp>
#include <cmath>

#include "mien/tests/golden.h"
#include "mien/train/bootstrap.h"
#include "mien/train/calibration.h"
#include "mien/train/metrics.h"
#include "mien/train/statistics.h"

using namespace mien;
using nlohmann::json;

namespace {

using Numbers = std::vector<double>;
using Labels = std::vector<std::int32_t>;

/// Throws where the section is missing or has no case: nothing tested is nothing shown.
json section(const std::string& name) {
  const json cases = test::golden_index("statistics.json").at(name);
  if (cases.empty()) throw std::runtime_error("statistics.json has no " + name);
  return cases;
}

Approx near(const json& expected) { return Approx(expected.get<double>()).epsilon(1e-9).margin(1e-12); }

void check_interval(const Interval& interval, const json& expected) {
  CHECK(interval.low == near(expected.at(0)));
  CHECK(interval.high == near(expected.at(1)));
}

std::vector<std::string> class_names(const json& entry) {
  std::vector<std::string> names;
  for (int c = 0; c < entry.at("classes"); ++c) names.push_back("class" + std::to_string(c));
  return names;
}

}  // namespace

TEST_CASE("golden metrics: scikit-learn's classification report, confusion matrix and balanced accuracy",
          "[metrics][golden]") {
  for (const json& entry : section("metrics")) {
    INFO(entry.at("name"));
    const Metrics m = classification_metrics(entry.at("labels").get<Labels>(), entry.at("predictions").get<Labels>(),
                                             class_names(entry));
    CHECK(m.confusion == entry.at("confusion").get<std::vector<std::vector<int>>>());
    CHECK(m.accuracy == near(entry.at("accuracy")));
    CHECK(m.balanced_accuracy == near(entry.at("balanced_accuracy")));
    for (std::size_t c = 0; c < m.classes.size(); ++c) {
      CHECK(m.classes[c].precision == near(entry.at("precision").at(c)));
      CHECK(m.classes[c].recall == near(entry.at("recall").at(c)));
      CHECK(m.classes[c].f1 == near(entry.at("f1").at(c)));
      CHECK(m.classes[c].support == entry.at("support").at(c));
    }
    const Numbers macro{m.macro_precision, m.macro_recall, m.macro_f1};
    const Numbers micro{m.micro_precision, m.micro_recall, m.micro_f1};
    const Numbers weighted{m.weighted_precision, m.weighted_recall, m.weighted_f1};
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(macro[i] == near(entry.at("macro").at(i)));
      CHECK(micro[i] == near(entry.at("micro").at(i)));
      CHECK(weighted[i] == near(entry.at("weighted").at(i)));
    }
  }
}

TEST_CASE("golden calibration: scikit-learn's calibration curve, Brier score and log loss", "[calibration][golden]") {
  for (const json& entry : section("calibration")) {
    INFO(entry.at("name"));
    const Calibration c = calibration(entry.at("probabilities").get<std::vector<float>>(),
                                      entry.at("labels").get<Labels>(), entry.at("bins"));
    std::size_t filled = 0;
    for (const ReliabilityBin& bin : c.bins) {
      if (bin.count == 0) continue;
      REQUIRE(filled < entry.at("counts").size());
      CHECK(bin.count == entry.at("counts").at(filled));
      CHECK(bin.accuracy == near(entry.at("accuracy").at(filled)));
      CHECK(bin.confidence == near(entry.at("confidence").at(filled)));
      ++filled;
    }
    CHECK(filled == entry.at("counts").size());
    CHECK(c.expected_error == near(entry.at("expected_error")));
    CHECK(c.maximum_error == near(entry.at("maximum_error")));
    CHECK(c.brier_score == near(entry.at("brier")));
    CHECK(c.log_loss == near(entry.at("log_loss")));
  }
}

TEST_CASE("golden statistics: scipy's intervals of a mean, t tests, McNemar and permutation tests, numpy's quantiles",
          "[statistics][golden]") {
  for (const json& entry : section("intervals")) {
    const Estimate estimate = estimate_mean(entry.at("values").get<Numbers>(), entry.at("level"));
    CHECK(estimate.mean == near(entry.at("mean")));
    CHECK(estimate.deviation.value() == near(entry.at("deviation")));
    check_interval(estimate.interval.value(), entry.at("interval"));
  }
  for (const json& entry : section("t_tests")) {
    INFO(entry.dump());
    const PairedTTest test =
        paired_t_test(entry.at("first").get<Numbers>(), entry.at("second").get<Numbers>(), entry.at("level"));
    if (entry.at("t").is_string())
      CHECK(test.t == (entry.at("t") == "inf" ? INFINITY : -INFINITY));
    else
      CHECK(test.t == near(entry.at("t")));
    CHECK(test.degrees == entry.at("degrees"));
    CHECK(test.p == near(entry.at("p")));
    check_interval(test.interval, entry.at("interval"));
  }
  for (const json& entry : section("mcnemar")) {
    const McNemarTest test = mcnemar_test(entry.at("labels").get<Labels>(), entry.at("first").get<Labels>(),
                                          entry.at("second").get<Labels>());
    CHECK(test.only_first == entry.at("only").at(0));
    CHECK(test.only_second == entry.at("only").at(1));
    CHECK(test.p == near(entry.at("p")));
  }
  for (const json& entry : section("sign_flips")) {
    INFO(entry.dump());
    CHECK(sign_flip_p(entry.at("differences").get<std::vector<int>>()) == near(entry.at("p")));
  }
  for (const json& entry : section("quantiles"))
    for (std::size_t i = 0; i < entry.at("shares").size(); ++i)
      CHECK(quantile(entry.at("values").get<Numbers>(), entry.at("shares").at(i)) == near(entry.at("quantiles").at(i)));
}

TEST_CASE("golden bootstrap: scikit-learn's figures of each resample of people, numpy's percentiles of them",
          "[bootstrap][golden]") {
  for (const json& entry : section("bootstrap")) {
    INFO(entry.at("name"));
    const auto labels = entry.at("labels").get<Labels>(), predictions = entry.at("predictions").get<Labels>();
    const auto groups = entry.at("groups").get<std::vector<std::string>>();
    const BootstrapOptions options{entry.at("resamples"), entry.at("level"), entry.at("seed")};
    const MetricIntervals drawn = bootstrap_metrics(labels, predictions, groups, class_names(entry), options);
    CHECK(drawn.units.by_group);
    CHECK(drawn.lacking_a_class == entry.at("lacking"));
    const json& intervals = entry.at("intervals");
    check_interval(drawn.accuracy, intervals.at(0));
    check_interval(drawn.macro_precision, intervals.at(1));
    check_interval(drawn.macro_recall, intervals.at(2));
    check_interval(drawn.macro_f1, intervals.at(3));
    const std::size_t classes = drawn.classes.size();
    REQUIRE(intervals.size() == 4 + 3 * classes);
    for (std::size_t c = 0; c < classes; ++c) {
      check_interval(drawn.classes[c].precision, intervals.at(4 + c));
      check_interval(drawn.classes[c].recall, intervals.at(4 + classes + c));
      check_interval(drawn.classes[c].f1, intervals.at(4 + 2 * classes + c));
    }
    const PairedAccuracy paired =
        paired_accuracy(labels, predictions, entry.at("other").get<Labels>(), groups, options);
    CHECK(paired.difference == near(entry.at("difference")));
    check_interval(paired.interval, entry.at("difference_interval"));
    CHECK(paired.p == near(entry.at("p")));
  }
}
