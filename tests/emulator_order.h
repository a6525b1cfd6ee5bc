// The orders of blocks, warps and threads that the emulator is tested in.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <ostream>

#include "mien/kernels/cuda/emulator.h"

namespace mien::testing {

/// An order, and the seed of a random one.
struct Order {
  kernels::emulated::ThreadOrder order = kernels::emulated::ThreadOrder::forward;
  std::uint64_t seed = 0;

  friend std::ostream& operator<<(std::ostream& out, const Order& order) {
    const char* const names[] = {"forward", "reverse", "random:"};
    out << "MIEN_EMULATOR_ORDER=" << names[static_cast<int>(order.order)];
    return order.order == kernels::emulated::ThreadOrder::random ? out << order.seed : out;
  }
};

inline constexpr Order forward, reverse{kernels::emulated::ThreadOrder::reverse};
inline constexpr Order in_random_order(std::uint64_t seed) { return {kernels::emulated::ThreadOrder::random, seed}; }

/// Launches run in this order until the end of the scope; forward afterwards.
struct OrderScope {
  explicit OrderScope(const Order& order) { kernels::emulated::set_thread_order(order.order, order.seed); }
  ~OrderScope() { kernels::emulated::set_thread_order(kernels::emulated::ThreadOrder::forward); }
  OrderScope(const OrderScope&) = delete;
  OrderScope& operator=(const OrderScope&) = delete;
};

/// For a test case that holds in each of them.
inline Order any_order() { return GENERATE(forward, reverse, in_random_order(1), in_random_order(2)); }

}  // namespace mien::testing
