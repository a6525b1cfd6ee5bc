#include "mien/kernels/cuda/thread_order.h"

#include <bit>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string_view>

#include "mien/kernels/error.h"

namespace mien::kernels::emulated {

namespace {

// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every bit of x moves every bit of the result.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

// A permutation of 0 … count - 1 that needs no table, since a grid may have two thousand million blocks: a Feistel
// network permutes the numbers of an even count of bits, and is applied again to what lands outside.
std::int64_t permuted(std::int64_t step, std::int64_t count, std::uint64_t key) {
  const int half = (std::bit_width(static_cast<std::uint64_t>(count - 1)) + 1) / 2;
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  std::uint64_t x = static_cast<std::uint64_t>(step);
  do {
    std::uint64_t left = x >> half, right = x & mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint64_t next = left ^ (mixed(key + (round << 32) + right) & mask);
      left = right;
      right = next;
    }
    x = left << half | right;
  } while (x >= static_cast<std::uint64_t>(count));
  return static_cast<std::int64_t>(x);
}

}  // namespace

Turns Turns::from_environment() {
  const char* const value = std::getenv("MIEN_EMULATOR_ORDER");
  const std::string_view name = value == nullptr ? "forward" : value;
  if (name == "forward") return {ThreadOrder::forward, 0};
  if (name == "reverse") return {ThreadOrder::reverse, 0};
  if (name == "random") {
    const Turns turns{ThreadOrder::random, std::random_device{}()};
    std::cerr << "emulator: threads run in the order MIEN_EMULATOR_ORDER=" << turns.name() << "\n";
    return turns;
  }
  constexpr std::string_view with_seed = "random:";
  std::uint64_t seed = 0;
  const char* const end = name.data() + name.size();
  if (name.starts_with(with_seed)) {
    const auto [read, problem] = std::from_chars(name.data() + with_seed.size(), end, seed);
    if (read == end && problem == std::errc{}) return {ThreadOrder::random, seed};
  }
  fail("emulator", "MIEN_EMULATOR_ORDER is forward, reverse, random or random:SEED. Got \"", name, "\".");
}

std::int64_t Turns::at(std::int64_t step, std::int64_t count, std::uint64_t sequence) const {
  switch (order_) {
    case ThreadOrder::forward:
      break;
    case ThreadOrder::reverse:
      return count - 1 - step;
    case ThreadOrder::random:
      return permuted(step, count, mixed(seed_) ^ mixed(~sequence));
  }
  return step;
}

std::string Turns::name() const {
  switch (order_) {
    case ThreadOrder::forward:
      return "forward";
    case ThreadOrder::reverse:
      return "reverse";
    case ThreadOrder::random:
      break;
  }
  return join("random:", seed_);
}

std::string Turns::note() const {
  return order_ == ThreadOrder::forward ? "" : join(" (MIEN_EMULATOR_ORDER=", name(), ")");
}

}  // namespace mien::kernels::emulated
