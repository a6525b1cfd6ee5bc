// Two operands, element by element, either repeated along some axes.
#include "mien/kernels/cpu/broadcast.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

/// One run of the result. The strides that occur (1: moves along, 0: repeated) have loops of their own.
template <BinaryKind kind>
void binary_run(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, float* y,
                std::int64_t count) {
  if (a_stride == 1 && b_stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply_binary(kind, a[i], b[i]);
  } else if (a_stride == 1 && b_stride == 0) {
    const float repeated = *b;
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply_binary(kind, a[i], repeated);
  } else if (a_stride == 0 && b_stride == 1) {
    const float repeated = *a;
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply_binary(kind, repeated, b[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = apply_binary(kind, a[i * a_stride], b[i * b_stride]);
  }
}

/// How an operand of rows moves from row to row and within one.
enum class Movement { along, same_row, value_of_row, other };

Movement movement(std::int64_t row_stride, std::int64_t stride, std::int64_t columns) {
  if (stride == 1)
    return row_stride == columns ? Movement::along : row_stride == 0 ? Movement::same_row : Movement::other;
  return stride == 0 && row_stride == 1 ? Movement::value_of_row : Movement::other;
}

/// Short rows, some of them at a time: what is repeated is written out in the first cache. False where the strides are
/// of another kind.
template <BinaryKind kind>
bool binary_of_rows(View<const float> a, View<const float> b, View<float> y, const BroadcastGeometry& g) {
  struct Row;
  struct Values;
  const std::int64_t columns = g.extent[1], rows = g.extent[0];
  const Movement movements[2] = {movement(g.a_stride[0], g.a_stride[1], columns),
                                 movement(g.b_stride[0], g.b_stride[1], columns)};
  if (movements[0] == Movement::other || movements[1] == Movement::other) return false;
  const float* const operands[2] = {a.data, b.data};
  const std::int64_t rows_per_block = elements_per_block / columns, block = rows_per_block * columns;
  float* const repeated = thread_scratch<Row>(2 * elements_per_block);  // of both operands; the same for all blocks
  for (int i = 0; i < 2; ++i) {
    if (movements[i] != Movement::same_row) continue;
    std::copy_n(operands[i], columns, repeated + i * elements_per_block);
    repeat_run(repeated + i * elements_per_block, columns, block);
  }
  parallel_blocks(rows, rows_per_block, [&](std::int64_t begin, std::int64_t end) {
    float* const stretched = thread_scratch<Values>(2 * elements_per_block);
    const float* place[2];
    for (int i = 0; i < 2; ++i) {
      place[i] = movements[i] == Movement::along      ? operands[i] + begin * columns
                 : movements[i] == Movement::same_row ? repeated + i * elements_per_block
                                                      : stretched + i * elements_per_block;
      if (movements[i] == Movement::value_of_row)
        stretch_values(operands[i] + begin, end - begin, columns, 1.0f, stretched + i * elements_per_block);
    }
    binary_run<kind>(place[0], 1, place[1], 1, y.data + begin * columns, (end - begin) * columns);
  });
  return true;
}

template <BinaryKind kind>
void binary_of_kind(View<const float> a, View<const float> b, View<float> y, const BroadcastGeometry& g) {
  if (g.axes == 2 && g.extent[1] < short_run && binary_of_rows<kind>(a, b, y, g)) return;
  const std::int64_t a_stride = g.a_stride[g.axes - 1], b_stride = g.b_stride[g.axes - 1];
  parallel_elements(g.size(), [&](std::int64_t begin, std::int64_t end) {
    for_each_run(g, begin, end, [&](std::int64_t index, std::int64_t a_at, std::int64_t b_at, std::int64_t count) {
      binary_run<kind>(a.data + a_at, a_stride, b.data + b_at, b_stride, y.data + index, count);
    });
  });
}

}  // namespace

void binary_forward(View<const float> a, View<const float> b, View<float> y, BroadcastGeometry g, BinaryKind kind) {
  switch (kind) {
    case BinaryKind::add:
      return binary_of_kind<BinaryKind::add>(a, b, y, g);
    case BinaryKind::subtract:
      return binary_of_kind<BinaryKind::subtract>(a, b, y, g);
    case BinaryKind::multiply:
      return binary_of_kind<BinaryKind::multiply>(a, b, y, g);
  }
}

}  // namespace mien::kernels::cpu
