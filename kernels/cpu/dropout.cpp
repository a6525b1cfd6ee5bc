// Inverted dropout. The mask is never stored: forward and backward pass draw it again from (seed, stream, step).
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"
#include "mien/kernels/philox.h"

namespace mien::kernels::cpu {

void dropout(View<const float> x, View<const std::int32_t> step, View<float> y, DropoutGeometry g) {
  const std::uint64_t stream = g.stream + static_cast<std::uint64_t>(step[0]);
  const float scale = 1.0f / (1.0f - g.rate);
  // Blocks of elements are whole numbers of Philox blocks of four words, so none is drawn twice.
  static_assert(elements_per_block % 4 == 0);
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin; first < end; first += 4) {
      const PhiloxBlock drawn = philox(g.seed, stream, static_cast<std::uint64_t>(first / 4));
      const std::int64_t count = std::min<std::int64_t>(4, end - first);
      for (std::int64_t i = 0; i < count; ++i)
        y.data[first + i] = uniform_from_word(drawn.word[i]) < g.rate ? 0.0f : x.data[first + i] * scale;
    }
  });
}

}  // namespace mien::kernels::cpu
