// Philox against the published known answers, and the draws built on it.
#include <catch2/catch.hpp>

#include "mien/core/random.h"

using namespace mien;

TEST_CASE("philox gives the published known-answer words", "[random]") {
  // Random123's kat_vectors: philox4x32-10 with counter and key all zero, then all ones.
  const PhiloxBlock zero = philox(0, 0, 0);
  CHECK(zero.word[0] == 0x6627e8d5u);
  CHECK(zero.word[1] == 0xe169c58du);
  CHECK(zero.word[2] == 0xbc57ac4cu);
  CHECK(zero.word[3] == 0x9b00dbd8u);
  const PhiloxBlock ones = philox(~0ull, ~0ull, ~0ull);
  CHECK(ones.word[0] == 0x408f276du);
  CHECK(ones.word[1] == 0x41c83b0eu);
  CHECK(ones.word[2] == 0xa20bc7c6u);
  CHECK(ones.word[3] == 0x6d5451fdu);
}

TEST_CASE("a permutation holds every number once and depends on seed and stream", "[random]") {
  std::vector<int> order = Random(1, Purpose::test).permutation(100);
  CHECK(order != Random(2, Purpose::test).permutation(100));
  CHECK(order != Random(1, Purpose::test, 1).permutation(100));
  CHECK(order == Random(1, Purpose::test).permutation(100));
  std::sort(order.begin(), order.end());
  for (int i = 0; i < 100; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("uniform and normal draws have the moments they promise", "[random]") {
  Random random(7, Purpose::test);
  double sum = 0, normal_sum = 0, normal_squares = 0;
  const int count = 20000;
  for (int i = 0; i < count; ++i) sum += random.uniform();
  for (int i = 0; i < count; ++i) {
    const double value = random.normal();
    normal_sum += value, normal_squares += value * value;
  }
  CHECK(sum / count == Approx(0.5).margin(0.01));
  CHECK(normal_sum / count == Approx(0.0).margin(0.03));
  CHECK(normal_squares / count == Approx(1.0).margin(0.04));
}
