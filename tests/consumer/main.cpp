// What a user's program does first: draws numbers, and asks what it was linked with.
#include <mien/core/build_info.h>
#include <mien/core/random.h>
#include <mien/core/tensor.h>
#include <mien/mien.h>

#include <cstdio>

int main() {
  mien::Random random(1, mien::Purpose::test);
  const float value = random.uniform();
  const mien::Tensor zeros = mien::Tensor::zeros({2, 3});
  std::printf("mien %s, a draw %.3f, %d zeros\n", mien::build_info().version.data(), static_cast<double>(value),
              static_cast<int>(zeros.size()));
  return value >= 0 && value < 1 && zeros.size() == 6 ? 0 : 1;
}
