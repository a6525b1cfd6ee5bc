// Means, paired tests, the bootstrap by person and comparisons in words. Cases are worked by hand; what a test or an
// interval promises of chance is tried out.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "mien/core/random.h"
#include "mien/kernels/error.h"
#include "mien/train/bootstrap.h"
#include "mien/train/comparison.h"
#include "mien/train/metrics.h"
#include "mien/train/statistics.h"

using namespace mien;

namespace {

using Labels = std::vector<std::int32_t>;
using Names = std::vector<std::string>;

/// Twenty pictures of class 1, person by person; each run gets the first so many of them right.
ComparedVariant variant(const std::string& name, const std::vector<int>& right, int pictures_of_one = 1) {
  ComparedVariant result{name, {}};
  for (const int count : right) {
    ComparedRun run;
    for (int i = 0; i < 20; ++i) {
      run.labels.push_back(1);
      run.predictions.push_back(i < count ? 1 : 0);
      run.groups.push_back("person" + std::to_string(i / pictures_of_one));
    }
    result.runs.push_back(run);
  }
  return result;
}

/// One class and its other: of each person's pictures either all are right or none, by chance.
void draw_people(Random& random, int people, int pictures, double accuracy, Labels& labels, Labels& predictions,
                 Names& groups) {
  labels.clear(), predictions.clear(), groups.clear();
  for (int person = 0; person < people; ++person) {
    const bool right = random.uniform() < accuracy;
    for (int picture = 0; picture < pictures; ++picture) {
      labels.push_back(picture % 2);
      predictions.push_back(right ? picture % 2 : 1 - picture % 2);
      groups.push_back("p" + std::to_string(person));
    }
  }
}

}  // namespace

TEST_CASE("mean, deviation and quantiles are those of the textbook", "[statistics]") {
  CHECK(mean({2, 4, 4, 4, 5, 5, 7, 9}) == 5);
  CHECK(standard_deviation({2, 4, 4, 4, 5, 5, 7, 9}) == Approx(std::sqrt(32 / 7.0)));
  CHECK(standard_deviation({3, 3}) == 0);
  CHECK(quantile({4, 1, 3, 2}, 0.25) == Approx(1.75));
  CHECK(quantile({4, 1, 3, 2}, 1) == 4);
  CHECK_THROWS_AS(mean({}), Error);
  CHECK_THROWS_WITH(standard_deviation({1}), Catch::Contains("two values or more. Got 1"));
  CHECK_THROWS_AS(quantile({}, 0.5), Error);
  CHECK_THROWS_AS(quantile({1}, 1.5), Error);
  CHECK_THROWS_AS(quantile({1}, NAN), Error);
}

TEST_CASE("a mean of two has Student's wide interval, a single value has none", "[statistics]") {
  const Estimate two = estimate_mean({1, 3});
  CHECK(two.count == 2);
  CHECK(two.mean == 2);
  CHECK(two.deviation.value() == Approx(std::sqrt(2)));
  // One degree of freedom is Cauchy's distribution, whose 97.5 % lie below tan(0.475 pi) = 12.706.
  CHECK(two.interval->high == Approx(2 + std::tan(0.475 * M_PI)));
  CHECK(two.interval->low == Approx(2 - std::tan(0.475 * M_PI)));
  const Estimate one = estimate_mean({0.7});
  CHECK(one.mean == 0.7);
  CHECK_FALSE(one.deviation.has_value());
  CHECK_FALSE(one.interval.has_value());
  CHECK(estimate_mean({5, 5, 5}).interval->high == 5);
  CHECK_THROWS_AS(estimate_mean({}), Error);
  CHECK_THROWS_WITH(estimate_mean({1, NAN}), Catch::Contains("finite"));
  CHECK_THROWS_WITH(estimate_mean({1, 2}, 95), Catch::Contains("between 0 and 1. Got 95"));
}

TEST_CASE("the paired t test of two pairs is Cauchy's, of more pairs Student's", "[statistics]") {
  const PairedTTest two = paired_t_test({1, 5}, {1, 3});  // differences 0 and 2: mean 1, its error 1
  CHECK(two.t == Approx(1));
  CHECK(two.degrees == 1);
  CHECK(two.p == Approx(0.5));
  const PairedTTest three = paired_t_test({1, 2, 3}, {3, 4, 7});  // -2, -2, -4: mean -8/3, its error 2/3
  CHECK(three.difference == Approx(-8 / 3.0));
  CHECK(three.t == Approx(-4));
  CHECK(three.p == Approx(1 - 4 / std::sqrt(16 + 2.0)));  // two degrees: P(|T| > t) = 1 - t / sqrt(t^2 + 2)
  CHECK_THROWS_WITH(paired_t_test({1}, {2}), Catch::Contains("two or more"));
  CHECK_THROWS_AS(paired_t_test({1, 2}, {1, 2, 3}), Error);
  CHECK_THROWS_AS(paired_t_test({1, INFINITY}, {1, 2}), Error);
}

TEST_CASE("differences that are all the same leave the t test no spread, rounding or not", "[statistics]") {
  const PairedTTest none = paired_t_test({0.4, 0.7}, {0.4, 0.7});
  CHECK(none.t == 0);
  CHECK(none.p == 1);
  CHECK(none.interval.low == 0);
  const PairedTTest same = paired_t_test({0.8, 0.7}, {0.75, 0.65});  // 0.8 - 0.75 > 0.7 - 0.65 by one rounding
  CHECK(same.t == INFINITY);
  CHECK(same.p == 0);
  CHECK(same.interval.low == Approx(0.05));
  CHECK(same.interval.high == Approx(0.05));
  CHECK(paired_t_test({0.75, 0.65}, {0.8, 0.7}).t == -INFINITY);
}

TEST_CASE("McNemar's test counts the pictures that one alone gets right", "[statistics]") {
  // Both right, only the first (3), only the second (1), both wrong.
  const McNemarTest test = mcnemar_test({1, 1, 1, 1, 1, 2}, {1, 1, 1, 1, 0, 0}, {1, 0, 0, 2, 1, 1});
  CHECK(test.only_first == 3);
  CHECK(test.only_second == 1);
  CHECK(test.p == Approx(2 * (1 + 4) / 16.0));
  CHECK(mcnemar_test({1, 2}, {1, 0}, {1, 1}).p == 1);  // never one alone
  CHECK(mcnemar_test({1, 2}, {1, 0}, {0, 2}).p == 1);  // one each
  CHECK(mcnemar_test(Labels(5, 1), Labels(5, 1), Labels(5, 0)).p == Approx(2 / 32.0));
  CHECK_THROWS_AS(mcnemar_test({1}, {1}, {}), Error);
}

TEST_CASE("the sign-flip test counts every way of giving signs", "[statistics]") {
  CHECK(sign_flip_p({1, 1, 2}) == Approx(2 / 8.0));       // 4 and -4 alone
  CHECK(sign_flip_p({1, 1, -2}) == 1);                    // the sum is 0
  CHECK(sign_flip_p({3, -1}) == 1);                       // 2 is the least that two such can add up to
  CHECK(sign_flip_p({2, 2, 1, -1}) == Approx(6 / 16.0));  // 4 or 6, of three ways to sign the ones, and mirrored
  CHECK(sign_flip_p({}) == 1);
  CHECK(sign_flip_p({0, 0}) == 1);
  CHECK(sign_flip_p({7}) == 1);
  CHECK(sign_flip_p({0, 5, 0, 5}) == Approx(2 / 4.0));
  // Where each differs by one picture it is McNemar's test, also of more than could be listed one by one.
  std::vector<int> ones(300, 1);
  std::fill(ones.begin(), ones.begin() + 120, -1);
  Labels first(300, 1), second(300, 0);
  for (std::size_t i = 0; i < 120; ++i) std::swap(first[i], second[i]);
  CHECK(sign_flip_p(ones) == Approx(mcnemar_test(Labels(300, 1), first, second).p).epsilon(1e-10));
}

TEST_CASE("Holm's correction multiplies the smallest p most, and never reorders", "[statistics]") {
  const std::vector<double> adjusted = holm_adjusted({0.01, 0.04, 0.03, 0.005});
  const std::vector<double> expected{0.03, 0.06, 0.06, 0.02};  // 3 * 0.01, then 2 * 0.03 over 1 * 0.04, 4 * 0.005
  for (std::size_t i = 0; i < 4; ++i) CHECK(adjusted[i] == Approx(expected[i]));
  CHECK(holm_adjusted({0.6, 0.9}) == std::vector<double>{1, 1});
  CHECK(holm_adjusted({0.2}) == std::vector<double>{0.2});
  CHECK(holm_adjusted({}).empty());
  CHECK_THROWS_AS(holm_adjusted({0.1, NAN}), Error);
}

TEST_CASE("a bootstrap draws people, or pictures where no person is known, and says which", "[bootstrap]") {
  const SampleUnits people = sample_units({"b", "a", "b", ""}, 4);
  CHECK(people.by_group);
  CHECK(people.pictures == std::vector<std::vector<int>>{{1}, {0, 2}, {3}});
  CHECK(people.words() == "3 people");
  for (const Names& unknown : {Names{}, Names{"", ""}}) {
    const SampleUnits pictures = sample_units(unknown, 2);
    CHECK_FALSE(pictures.by_group);
    CHECK(pictures.pictures == std::vector<std::vector<int>>{{0}, {1}});
    CHECK(pictures.words() == "2 pictures (no groups are known: pictures of one person count as independent)");
  }
  CHECK_THROWS_WITH(sample_units({"a"}, 2), Catch::Contains("one group for each picture"));
}

TEST_CASE("of two people, one right and one wrong, a quarter of the resamples is all right", "[bootstrap]") {
  // Accuracy 0, 1/2, 1 in a quarter, a half, a quarter of the resamples.
  const auto at_level = [](double level) {
    return bootstrap_metrics({0, 0, 1}, {0, 0, 0}, {"a", "a", "b"}, {"x", "y"}, {.level = level}).accuracy;
  };
  CHECK(at_level(0.95).low == 0);
  CHECK(at_level(0.95).high == 1);
  CHECK(at_level(0.4).low == Approx(2 / 3.0));  // both once: two pictures of three
  CHECK(at_level(0.4).high == Approx(2 / 3.0));
  const MetricIntervals whole = bootstrap_metrics({0, 0, 1}, {0, 0, 0}, {"a", "a", "b"}, {"x", "y"});
  CHECK(whole.lacking_a_class > 900);
  CHECK(whole.lacking_a_class < 1100);
  CHECK(whole.classes[1].name == "y");
  CHECK(whole.classes[1].recall.high == 0);
}

TEST_CASE("one person, and a classifier that is always right, leave the bootstrap nothing to vary", "[bootstrap]") {
  const MetricIntervals one = bootstrap_metrics({0, 0, 1, 1}, {0, 1, 1, 1}, Names(4, "only"), {"x", "y"});
  CHECK(one.units.pictures.size() == 1);
  CHECK(one.accuracy.low == 0.75);
  CHECK(one.accuracy.high == 0.75);
  const MetricIntervals perfect = bootstrap_metrics(Labels(8, 1), Labels(8, 1), {}, {"x", "y"});
  CHECK(perfect.accuracy.low == 1);
  CHECK(perfect.classes[1].f1.low == 1);
  CHECK(perfect.classes[0].f1.high == 0);
  CHECK(perfect.lacking_a_class == 0);
  CHECK_THROWS_AS(bootstrap_metrics({0}, {5}, {}, {"x"}), Error);
  CHECK_THROWS_AS(bootstrap_metrics({0}, {0}, {}, {"x"}, {.resamples = 0}), Error);
  CHECK_THROWS_AS(bootstrap_metrics({0}, {0}, {}, {"x"}, {.level = 1}), Error);
}

TEST_CASE("the same seed gives the same intervals, in whatever order the pictures stand", "[bootstrap]") {
  Random random(5, Purpose::test);
  Labels labels, predictions;
  Names groups;
  draw_people(random, 12, 3, 0.5, labels, predictions, groups);
  const auto drawn = [&](std::uint64_t seed) {
    const Interval f1 =
        bootstrap_metrics(labels, predictions, groups, {"x", "y"}, {.resamples = 20, .seed = seed}).classes[0].f1;
    return std::pair(f1.low, f1.high);
  };
  std::set<std::pair<double, double>> seen;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) seen.insert(drawn(seed));
  CHECK(seen.size() > 1);
  const auto before = drawn(1);
  std::reverse(labels.begin(), labels.end());
  std::reverse(predictions.begin(), predictions.end());
  std::reverse(groups.begin(), groups.end());
  CHECK(drawn(1) == before);
}

TEST_CASE("intervals by person hold the truth about as often as they say; those by picture, of alike pictures, do not",
          "[bootstrap]") {
  Random random(6, Purpose::test);
  int held_by_person = 0, held_by_picture = 0;
  for (int trial = 0; trial < 200; ++trial) {
    Labels labels, predictions;
    Names groups;
    draw_people(random, 40, 8, 0.6, labels, predictions, groups);
    const auto holds = [&](const Names& known) {
      const Interval accuracy = bootstrap_metrics(labels, predictions, known, {"x", "y"}, {.resamples = 200}).accuracy;
      return accuracy.low <= 0.6 && 0.6 <= accuracy.high;
    };
    held_by_person += holds(groups);
    held_by_picture += holds({});
  }
  CHECK(held_by_person >= 180);  // of 200; 190 are promised
  CHECK(held_by_picture <= 140);
}

TEST_CASE("two classifiers that are alike are told apart by chance in one trial of twenty at most", "[bootstrap]") {
  Random random(7, Purpose::test);
  int found = 0;
  for (int trial = 0; trial < 400; ++trial) {
    Labels labels, first, second;
    Names groups;
    draw_people(random, 30, 4, 0.5, labels, first, groups);
    draw_people(random, 30, 4, 0.5, labels, second, groups);
    found += paired_accuracy(labels, first, second, groups, {.resamples = 1}).p <= 0.05;
  }
  CHECK(found <= 33);  // 20 are expected at most; three deviations above
  CHECK(found >= 5);   // the test is not deaf either
}

TEST_CASE("a person who stands in several runs is drawn with the pictures of all of them", "[bootstrap]") {
  const PairedAccuracy paired = paired_accuracy({1, 1, 1, 1}, {1, 0, 1, 0}, {0, 0, 0, 1}, {"a", "b", "a", "b"});
  CHECK(paired.units.pictures == std::vector<std::vector<int>>{{0, 2}, {1, 3}});
  CHECK(paired.difference == Approx(0.25));  // a: 2 more right, b: 1 fewer
  CHECK(paired.interval.low == Approx(-0.5));
  CHECK(paired.interval.high == Approx(1));
  CHECK(paired.p == 1);
}

TEST_CASE("a difference that people and runs bear out is shown, in points", "[comparison]") {
  // All 20 right against 10, 9 and 8: differences 0.5, 0.55, 0.6; t = 0.55 / (0.05 / sqrt 3) = 19.05 at 2 degrees.
  // Over people: 12 differ, all one way, p = 2 / 4096.
  const Comparison c = compare(variant("Best", {20, 20, 20}), variant("Attempt 1", {10, 9, 8}));
  CHECK(c.over_people.p == Approx(2 / 4096.0));
  CHECK(c.over_runs->t == Approx(0.55 / (0.05 / std::sqrt(3))));
  CHECK(c.p == c.over_runs->p);
  CHECK(c.shown);
  CHECK(c.networks_shown);
  CHECK(c.difference == Approx(0.55));
  CHECK(c.sentence == "Best is better than Attempt 1 by 55.0 points (95 % interval 42.6 to 67.4, p = 0.003).");
  const Comparison turned = compare(variant("Attempt 1", {10, 9, 8}), variant("Best", {20, 20, 20}));
  CHECK(turned.difference == Approx(-0.55));
  CHECK(turned.sentence == c.sentence);
}

TEST_CASE("variants that are right on the same pictures show no difference", "[comparison]") {
  const Comparison c = compare(variant("A", {12, 14}), variant("B", {12, 14}));
  CHECK(c.p == 1);
  CHECK_FALSE(c.shown);
  CHECK(c.sentence ==
        "No difference shown between A and B: both are right equally often (95 % interval 0.0 to 0.0, p = 1.000).");
  const Comparison close = compare(variant("A", {12}), variant("B", {14}));
  CHECK_FALSE(close.networks_shown);
  CHECK(close.p == Approx(0.5));
  CHECK_THAT(close.sentence, Catch::StartsWith("No difference shown between A and B: B is ahead by 10.0 points"));
}

TEST_CASE("one run of each shows what these networks do, never which variant is better", "[comparison]") {
  const Comparison c = compare(variant("A", {20}), variant("B", {8}));
  CHECK_FALSE(c.over_runs.has_value());
  CHECK(c.networks_shown);
  CHECK_FALSE(c.shown);
  CHECK_THAT(c.sentence,
             Catch::StartsWith("The one network trained as A is better than the one trained as B by 60.0 points") &&
                 Catch::EndsWith("whether training so is better, one run of each cannot show."));
}

TEST_CASE("runs that differ too much among themselves show no difference, whatever the people say", "[comparison]") {
  // Differences 0.6 and 0.2: t = 2 at one degree, p = 1 - 2 / pi atan 2.
  const Comparison c = compare(variant("A", {20, 12}), variant("B", {8, 8}));
  CHECK(c.networks_shown);
  CHECK(c.p == Approx(1 - 2 / M_PI * std::atan(2)));
  CHECK_FALSE(c.shown);
  CHECK_THAT(c.sentence,
             Catch::StartsWith("No difference shown between A and B: the 2 networks trained as A are better by 40.0 "
                               "points") &&
                 Catch::Contains("too few or too unlike") && Catch::EndsWith("p = 0.295)."));
}

TEST_CASE("few people show nothing, however many pictures they have", "[comparison]") {
  // Four people of five pictures: at best p = 2 / 16.
  const Comparison c = compare(variant("A", {20, 20, 20}, 5), variant("B", {0, 0, 1}, 5));
  CHECK(c.over_people.units.words() == "4 people");
  CHECK(c.p == Approx(2 / 16.0));
  CHECK_FALSE(c.shown);
}

TEST_CASE("comparisons made together are corrected together", "[comparison]") {
  std::vector<Comparison> both{compare(variant("A", {20, 20, 20}), variant("B", {10, 9, 8})),
                               compare(variant("A", {20, 20, 20}), variant("C", {14, 14, 15}))};
  const double p = both[1].over_people.p;  // six differ: 2 / 64, larger than over the runs
  CHECK(p == Approx(2 / 64.0));
  CHECK(both[1].shown);
  correct_for_each_other(both);
  CHECK(both[0].adjusted_p == Approx(2 * both[0].p));
  CHECK(both[1].adjusted_p == Approx(p));
  CHECK(both[0].shown);
  CHECK(both[1].shown);
  CHECK_THAT(both[0].sentence, Catch::EndsWith("p = 0.005, corrected for 2 comparisons)."));
  std::vector<Comparison> alike(2, both[1]);
  correct_for_each_other(alike);
  CHECK(alike[0].adjusted_p == Approx(4 / 64.0));
  CHECK_FALSE(alike[0].shown);
  CHECK_THAT(alike[0].sentence, Catch::StartsWith("No difference shown between A and C: A is ahead by 28.3 points"));
}

TEST_CASE("a comparison refuses runs that were not tested on the same pictures", "[comparison]") {
  CHECK_THROWS_WITH(compare(variant("A", {3, 4}), variant("B", {3})), Catch::Contains("Got 2 of A and 1 of B"));
  CHECK_THROWS_WITH(compare(variant("A", {3}), variant("B", {3}, 2)), Catch::Contains("the same pictures"));
  ComparedVariant short_one = variant("B", {3});
  short_one.runs[0].predictions.pop_back();
  CHECK_THROWS_AS(compare(variant("A", {3}), short_one), Error);
  CHECK_THROWS_AS(compare({"A", {}}, {"B", {}}), Error);
}
