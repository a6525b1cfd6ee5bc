// The tensor-core instructions as the emulator has them: which lane holds which element, how factors are rounded, and
// when an asynchronous copy arrives. The layouts are written out here from NVIDIA's PTX ISA, "Matrix Fragments for
// mma.m16n8k8" and "mma.m16n8k16" and "ldmatrix".
#define MIEN_KERNELS_EMULATED
#include "mien/kernels/cuda/mma.cuh"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "mien/tests/emulator_order.h"
#include "mien/tests/kernel_testing.h"

using namespace mien;
using namespace mien::kernels::emulated;
using Catch::Contains;
using mien::testing::any_order;
using mien::testing::draw;
using mien::testing::draw_values;
using mien::testing::Floats;
using mien::testing::OrderScope;
using mien::testing::view;

namespace {

int lane() { return static_cast<int>(threadIdx.x); }

// The PTX ISA's own words for a lane.
int group_id() { return lane() >> 2; }
int thread_in_group() { return lane() % 4; }

// sums of m16n8: row = groupID for c0 and c1, groupID + 8 for c2 and c3; col = threadID_in_group * 2 + (i & 1).
void store_sums(View<float> c, const float (&sums)[4]) {
  for (int i = 0; i < 4; ++i) {
    const int row = i < 2 ? group_id() : group_id() + 8;
    const int column = thread_in_group() * 2 + (i & 1);
    c[row * 8 + column] = sums[i];
  }
}

void load_sums(View<float> c, float (&sums)[4]) {
  for (int i = 0; i < 4; ++i) sums[i] = c[(i < 2 ? group_id() : group_id() + 8) * 8 + thread_in_group() * 2 + (i & 1)];
}

// .tf32: a: row = groupID for a0 and a2, groupID + 8 for a1 and a3; col = threadID_in_group for a0 and a1, + 4 for a2
// and a3. b: row = threadID_in_group for b0, + 4 for b1; col = groupID.
__global__ void multiply_tf32(View<const float> a, View<const float> b, View<float> c, bool rounds) {
  std::uint32_t left[4], right[2];
  const auto factor = [rounds](float value) { return rounds ? to_tf32(value) : bits_of(value); };
  for (int i = 0; i < 4; ++i) {
    const int row = i == 0 || i == 2 ? group_id() : group_id() + 8;
    const int column = i < 2 ? thread_in_group() : thread_in_group() + 4;
    left[i] = factor(a[row * 8 + column]);
  }
  for (int i = 0; i < 2; ++i) right[i] = factor(b[(thread_in_group() + 4 * i) * 8 + group_id()]);
  float sums[4];
  load_sums(c, sums);
  mma_m16n8k8_tf32(sums, left, right);
  store_sums(c, sums);
}

// .bf16, a0 … a7 two to a register: row = groupID where 0 <= i < 2 or 4 <= i < 6, else groupID + 8;
// col = threadID_in_group * 2 + (i & 1), + 8 where i >= 4. b0 … b3: row = threadID_in_group * 2 + (i & 1), + 8 where
// i >= 2; col = groupID.
__global__ void multiply_bf16(View<const float> a, View<const float> b, View<float> c) {
  float left[8], right[4];
  for (int i = 0; i < 8; ++i) {
    const int row = i < 2 || (i >= 4 && i < 6) ? group_id() : group_id() + 8;
    const int column = thread_in_group() * 2 + (i & 1) + (i >= 4 ? 8 : 0);
    left[i] = a[row * 16 + column];
  }
  for (int i = 0; i < 4; ++i) right[i] = b[(thread_in_group() * 2 + (i & 1) + (i >= 2 ? 8 : 0)) * 8 + group_id()];
  std::uint32_t left_pairs[4], right_pairs[2];
  for (int i = 0; i < 4; ++i) left_pairs[i] = to_bf16x2(left[2 * i], left[2 * i + 1]);
  for (int i = 0; i < 2; ++i) right_pairs[i] = to_bf16x2(right[2 * i], right[2 * i + 1]);
  float sums[4];
  load_sums(c, sums);
  mma_m16n8k16_bf16(sums, left_pairs, right_pairs);
  store_sums(c, sums);
}

Floats product(const Floats& a, const Floats& b, Floats c, std::size_t depth) {
  for (std::size_t row = 0; row < 16; ++row)
    for (std::size_t column = 0; column < 8; ++column)
      for (std::size_t d = 0; d < depth; ++d) c[row * 8 + column] += a[row * depth + d] * b[d * 8 + column];
  return c;
}

// The a fragment of a 16 x 16 bf16 tile, and of a 16 x 8 float32 tile, by ldmatrix and by the layouts above.
__global__ void load_fragments(View<const float> values, View<std::uint32_t> loaded, View<std::uint32_t> expected) {
  constexpr int pitch = 24;  // 16-bit elements of a row, 8 of them there to shift the banks
  std::uint16_t* const tile = &dynamic_shared<std::uint16_t>()[0];
  for (int i = lane(); i < 256; i += 32)
    tile[i / 16 * pitch + i % 16] = static_cast<std::uint16_t>(to_bf16x2(values[i], 0.0f));
  __syncthreads();
  std::uint32_t fragment[4];
  ldmatrix_x4(fragment, tile + lane() % 16 * pitch + lane() / 16 * 8);
  // A fast lane may go on and overwrite the tile: the others have theirs already.
  for (int i = lane(); i < 16 * pitch; i += 32) tile[i] = 0;
  for (int i = 0; i < 4; ++i) {
    const int row = i % 2 == 0 ? group_id() : group_id() + 8, column = thread_in_group() * 2 + (i < 2 ? 0 : 8);
    loaded[4 * lane() + i] = fragment[i];
    expected[4 * lane() + i] = to_bf16x2(values[row * 16 + column], values[row * 16 + column + 1]);
  }
  __syncthreads();
  float* const floats = &dynamic_shared<float>()[0];
  for (int i = lane(); i < 128; i += 32) floats[i / 8 * 12 + i % 8] = values[i];
  __syncthreads();
  ldmatrix_x4(fragment, floats + lane() % 16 * 12 + lane() / 16 * 4);
  for (int i = 0; i < 4; ++i) {
    const int row = i % 2 == 0 ? group_id() : group_id() + 8, column = thread_in_group() + (i < 2 ? 0 : 4);
    loaded[128 + 4 * lane() + i] = fragment[i];
    expected[128 + 4 * lane() + i] = bits_of(values[row * 8 + column]);
  }
}

__global__ void half_a_warp_multiplies() {
  float sums[4] = {};
  const std::uint32_t a[4] = {}, b[2] = {};
  if (lane() < 16) mma_m16n8k8_tf32(sums, a, b);
}

enum class Copying { right, without_wait, wait_for_too_few, without_commit, into_what_is_read };

// Two tiles of 32 numbers pass through shared memory, the second under way while the first is read; each thread reads
// what another has copied.
__global__ void copy_through(View<const float> x, View<float> y, Copying how) {
  float* const tiles = &dynamic_shared<float>()[0];
  cp_async<4>(tiles + lane(), &x[lane()], true);
  cp_async_commit();
  cp_async<4>(tiles + 32 + lane(), &x[32 + lane()], true);
  if (how != Copying::without_commit) cp_async_commit();
  if (how != Copying::without_wait) cp_async_wait<1>();
  __syncthreads();
  if (how == Copying::into_what_is_read) cp_async<4>(tiles + lane(), &x[lane()], true);
  y[lane()] = tiles[31 - lane()];
  if (how != Copying::wait_for_too_few) cp_async_wait<0>();
  __syncthreads();
  y[32 + lane()] = tiles[63 - lane()];
}

__global__ void copy_or_zero(View<const float> x, View<float> y) {
  float* const tile = &dynamic_shared<float>()[0];
  const int place = 4 * lane();
  cp_async<16>(tile + place, &x[lane() % 2 == 0 ? place : 0], lane() % 2 == 0);
  cp_async_commit();
  cp_async_wait<0>();
  for (int i = 0; i < 4; ++i) y[place + i] = tile[place + i];
}

__global__ void copy_askew(View<const float> x) {
  cp_async<16>(&dynamic_shared<float>()[0] + 4 * lane(), &x[4 * lane() + 1], true);
}

Floats copied(Copying how) {
  const Floats x = draw(64, 1);
  Floats y(64, 0.0f);
  launch("copy_through", copy_through, dim3(1), dim3(32), 64 * sizeof(float), view(x), view(y), how);
  return y;
}

Floats turned_round() {
  const Floats x = draw(64, 1);
  Floats y;
  for (std::size_t tile = 0; tile < 64; tile += 32)
    for (std::size_t i = 0; i < 32; ++i) y.push_back(x[tile + 31 - i]);
  return y;
}

}  // namespace

TEST_CASE("a warp's TF32 product of whole numbers is the plain one, to the bit", "[mma]") {
  const OrderScope scope(any_order());
  const Floats a = draw_values(16 * 8, 1, true), b = draw_values(8 * 8, 2, true);
  Floats c = draw_values(16 * 8, 3, true);
  const Floats expected = product(a, b, c, 8);
  launch("multiply_tf32", multiply_tf32, dim3(1), dim3(32), 0, view(a), view(b), view(c), true);
  CHECK(c == expected);
}

TEST_CASE("a warp's bfloat16 product of whole numbers is the plain one, to the bit", "[mma]") {
  const OrderScope scope(any_order());
  const Floats a = draw_values(16 * 16, 1, true), b = draw_values(16 * 8, 2, true);
  Floats c = draw_values(16 * 8, 3, true);
  const Floats expected = product(a, b, c, 16);
  launch("multiply_bf16", multiply_bf16, dim3(1), dim3(32), 0, view(a), view(b), view(c));
  CHECK(c == expected);
}

TEST_CASE("to_tf32 keeps ten bits, rounds to nearest, ties away from zero, and keeps infinity and NaN", "[mma]") {
  const auto tf32 = [](float value) { return float_of(to_tf32(value)); };
  const float step = 0x1p-10f;  // between neighbours of TF32 from 1 to 2
  CHECK(tf32(1 + step) == 1 + step);
  CHECK(tf32(1 + step / 2) == 1 + step);
  CHECK(tf32(-1 - step / 2) == -1 - step);
  CHECK(tf32(1 + step / 2 - 0x1p-23f) == 1);
  CHECK(tf32(1 + step / 2 + 0x1p-23f) == 1 + step);
  CHECK(tf32(2 - step / 4) == 2);
  CHECK(tf32(0.0f) == 0);
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(tf32(infinity) == infinity);
  CHECK(tf32(std::numeric_limits<float>::max()) == infinity);
  CHECK(std::isnan(tf32(float_of(0x7FFFFFFF))));
  CHECK(std::isnan(tf32(float_of(0x7F800001))));
  for (const float value : draw(1000, 1)) REQUIRE(std::abs(tf32(value) - value) <= 0x1p-11f * std::abs(value));
}

TEST_CASE("to_bf16x2 keeps seven bits, rounds to nearest, ties to even, the first in the lower half", "[mma]") {
  const auto low = [](float value) { return float_of(to_bf16x2(value, 5.0f) << 16); };
  const float step = 0x1p-7f;
  CHECK(float_of(to_bf16x2(5.0f, 1 + step) & 0xFFFF0000) == 1 + step);
  CHECK(low(1 + step) == 1 + step);
  CHECK(low(1 + step / 2) == 1);
  CHECK(low(1 + 3 * step / 2) == 1 + 2 * step);
  CHECK(low(1 + step / 2 + 0x1p-23f) == 1 + step);
  CHECK(low(-1 - 3 * step / 2) == -1 - 2 * step);
  CHECK(low(std::numeric_limits<float>::max()) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(low(float_of(0x7F800001))));
}

TEST_CASE("factors that nobody rounded are cut off", "[mma]") {
  // 2 - 2^-23 times 1: rounded 2, cut off 2 - 2^-10.
  const bool rounds = GENERATE(true, false);
  Floats a(16 * 8, 0.0f), b(8 * 8, 0.0f), c(16 * 8, 0.0f);
  for (std::size_t row = 0; row < 16; ++row) a[row * 8] = 2 - 0x1p-23f;
  for (std::size_t column = 0; column < 8; ++column) b[column] = 1;
  launch("multiply_tf32", multiply_tf32, dim3(1), dim3(32), 0, view(a), view(b), view(c), rounds);
  for (const float sum : c) REQUIRE(sum == (rounds ? 2.0f : 2 - 0x1p-10f));
}

TEST_CASE("ldmatrix gives each lane its words of a fragment, of 16-bit and of 32-bit elements", "[mma]") {
  const OrderScope scope(any_order());
  const Floats values = draw_values(256, 1, true);
  std::vector<std::uint32_t> loaded(256), expected(256, 1);
  launch("load_fragments", load_fragments, dim3(1), dim3(32), 1024, view(values), view(loaded), view(expected));
  CHECK(loaded == expected);
}

TEST_CASE("a tensor-core instruction that only half a warp reaches is an error", "[mma]") {
  CHECK_THROWS_WITH(launch("half", half_a_warp_multiplies, dim3(1), dim3(32), 0),
                    Contains("at test_mma.cpp:") && Contains("is reached by 16 of the 32 threads of warp 0"));
}

TEST_CASE("asynchronous copies arrive when they are waited for", "[mma]") {
  const OrderScope scope(any_order());
  CHECK(copied(Copying::right) == turned_round());
}

TEST_CASE("a copy that is not waited for, or comes into what others read, shows as NaN", "[mma]") {
  const OrderScope scope(any_order());
  const auto has_nan = [](const Floats& values) {
    for (const float value : values)
      if (std::isnan(value)) return true;
    return false;
  };
  CHECK_FALSE(has_nan(copied(Copying::right)));
  CHECK(has_nan(copied(Copying::without_wait)));
  CHECK(has_nan(copied(Copying::wait_for_too_few)));
  CHECK(has_nan(copied(Copying::without_commit)));
  CHECK(has_nan(copied(Copying::into_what_is_read)));
}

TEST_CASE("a copy brings zeros where it reads nothing", "[mma]") {
  const Floats x = draw(128, 1);
  Floats y(128, 1.0f);
  launch("copy_or_zero", copy_or_zero, dim3(1), dim3(32), 128 * sizeof(float), view(x), view(y));
  for (std::size_t i = 0; i < 128; ++i) REQUIRE(y[i] == (i / 4 % 2 == 0 ? x[i] : 0.0f));
}

TEST_CASE("a 16-byte copy from an address that is no multiple of 16 is an error", "[mma]") {
  alignas(16) static float x[160];
  CHECK_THROWS_WITH(launch("copy_askew", copy_askew, dim3(1), dim3(32), 128 * sizeof(float), View<const float>{x, 160}),
                    Contains("[copy_askew] block (0,0,0), thread (0,0,0)") && Contains("multiples of 16"));
}
