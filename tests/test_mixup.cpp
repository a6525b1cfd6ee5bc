// Mixup: how the shares and partners are drawn, and what becomes of the pictures.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "mien/core/device.h"
#include "mien/data/mixup.h"
#include "mien/kernels/error.h"

using namespace mien;

TEST_CASE("shares are drawn from Beta(alpha, alpha): its mean and its variance 1 / (8 alpha + 4)", "[mixup]") {
  const double alpha = GENERATE(0.05, 0.2, 0.5, 1.0, 2.0, 8.0);
  Random random(3, Purpose::test);
  const int count = 40000;
  double sum = 0, squares = 0;
  bool inside = true;
  for (int i = 0; i < count; ++i) {
    const double x = draw_beta(alpha, random);
    inside &= x > 0 && x < 1;
    sum += x, squares += x * x;
  }
  const double mean = sum / count, variance = squares / count - mean * mean, expected = 1 / (8 * alpha + 4);
  INFO("alpha " << alpha);
  CHECK(inside);
  CHECK(std::abs(mean - 0.5) < 4 * std::sqrt(expected / count));
  CHECK(variance == Approx(expected).epsilon(0.03));
}

TEST_CASE("a mixing depends on seed and step alone, and every picture is some picture's partner", "[mixup]") {
  const Mixup first = draw_mixup(0.4, 16, 7, 100), again = draw_mixup(0.4, 16, 7, 100);
  CHECK(first.share == again.share);
  CHECK(first.partner == again.partner);
  CHECK(draw_mixup(0.4, 16, 7, 101).share != first.share);
  CHECK(draw_mixup(0.4, 16, 8, 100).share != first.share);
  for (int step = 0; step < 50; ++step) {
    const Mixup mixup = draw_mixup(0.4, 16, 7, step);
    CHECK((mixup.share >= 0.5f && mixup.share <= 1.0f));
    std::vector<int> partners = mixup.partner;
    std::sort(partners.begin(), partners.end());
    for (int i = 0; i < 16; ++i) CHECK(partners[static_cast<std::size_t>(i)] == i);
  }
  CHECK_THROWS_WITH(draw_mixup(0, 16, 7, 0), Catch::Contains("alpha must be finite and above 0"));
  CHECK_THROWS_WITH(draw_mixup(std::numeric_limits<double>::infinity(), 16, 7, 0), Catch::Contains("alpha"));
}

TEST_CASE("mixed pictures are the weighted means of picture and partner, for any number of threads", "[mixup]") {
  const Mixup mixup{0.75f, {2, 0, 1}};
  const Tensor bytes = Tensor::from(std::vector<std::uint8_t>{0, 100, 40, 200, 80, 255}, {3, 2});
  const Tensor labels = Tensor::from(std::vector<std::int32_t>{5, 6, 7}, {3});
  const int before = threads();
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    CHECK(mixed(bytes, mixup, 2).to_vector() == std::vector<float>{40, 277.5f, 60, 350, 140, 482.5f});
    const Tensor floats = Tensor::from(std::vector<float>{0, 100, 40, 200, 80, 255}, {3, 2});
    CHECK(mixed(floats, mixup).to_vector() == std::vector<float>{20, 138.75f, 30, 175, 70, 241.25f});
  }
  set_threads(before);
  CHECK(partner_labels(labels, mixup).to_vector<std::int32_t>() == std::vector<std::int32_t>{7, 5, 6});
  CHECK_THROWS_WITH(mixed(bytes, Mixup{0.75f, {0, 1}}), Catch::Contains("one partner for each"));
}
