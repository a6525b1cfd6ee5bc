// The tiled product (product.cuh) on tensor cores: tiles larger, copies in flight while products run, factors in TF32.
//
// In product_tiled a thread fetches a value, waits for it, stores it to shared memory, waits for the others, and only
// then multiplies: memory and arithmetic take turns. And what multiplies is one multiply-add a thread and cycle. Here
//   - cp.async carries values from memory to shared memory past the registers. Three stages of tiles lie there: while
//     the warps multiply one, the next two are on their way, and nobody waits for memory but at the very start.
//   - a warp multiplies 16 x 8 results, 8 deep, by one instruction (mma.cuh). It holds 64 x 32 results in registers, so
//     each value that it takes from shared memory is used 32 or 64 times.
//   - where the values allow (neighbours in fours), a copy is 16 bytes.
//
// A tile keeps the order that its operand has in memory, so that copies stay whole: depth-first, [line][depth], or the
// other way round, [depth][line], where a line is a row of the left operand or a column of the right one. Rows of a
// tile are 4 or 8 floats longer than needed. So the 32 words that a warp takes at once for its fragments lie in 32
// different banks: line * 20 + depth for 8 lines and 4 depths, or depth * (lines + 8) + line.
#pragma once

#include "mien/kernels/cuda/mma.cuh"
#include "mien/kernels/cuda/product.cuh"
#include "mien/kernels/cuda/reduce.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

/// Rows of the result that a block computes, how deep a stage is, stages, threads of a block (four warps).
inline constexpr int mma_rows = 128, mma_depth = 16, mma_stages = 3, mma_threads = 128;
/// Rows that a thread stores together: so many, so far apart.
inline constexpr int mma_square = 4, mma_rows_apart = 8;

/// Columns of a block's tile where the result has `columns`.
constexpr int mma_columns(int columns) { return columns <= 32 ? 32 : 64; }

/// Whether rows of `length` elements can be copied by fours: none of the fours is cut, none lies askew.
inline bool in_fours(View<const float> data, int length) {
  return length % 4 == 0 && reinterpret_cast<std::uintptr_t>(data.data) % 16 == 0;
}

/// A tile of an operand in shared memory: `lines` rows or columns of the product, mma_depth deep.
template <class Operand, int lines>
struct OperandTile {
  static constexpr bool depth_first = Operand::depth_first;
  static constexpr int pitch = depth_first ? mma_depth + 4 : lines + 8;
  static constexpr int floats = (depth_first ? lines : mma_depth) * pitch;

  __device__ static constexpr int place(int line, int depth) {
    return depth_first ? line * pitch + depth : depth * pitch + line;
  }
};

/// An operand that is a matrix in memory, `line_step` from line to line and `depth_step` along the depth, of which one
/// is 1; its batches side by side, `batch_step` apart.
template <bool is_depth_first>
struct MatrixPlaces {
  static constexpr bool depth_first = is_depth_first;
  using Line = int;
  using Depth = int;
  View<const float> data;
  int line_step, depth_step, batch_step = 0;

  __device__ Line line(int batch, int line) const { return batch * batch_step + line * line_step; }
  __device__ Depth depth(int depth) const { return depth; }
  __device__ void advance(Depth& at, int by) const { at += by; }
  __device__ int place(Line line, Depth at) const { return line + at * depth_step; }
};

/// Brings the tiles of an operand, one after the other along the depth. `width` neighbours are copied at once.
///
/// An Operand knows where its element (line, depth) lies in `data`: place(Line, Depth), or -1 for a zero. A Line is
/// what it wants to know of a line, worked out once; a Depth moves on by advance(), so that no copy costs a division.
template <class Operand, int lines, int width>
class TileCopies {
 public:
  using Tile = OperandTile<Operand, lines>;
  static constexpr bool depth_first = Operand::depth_first;

  /// `table`: shared memory for table_size lines. A barrier must follow.
  __device__ TileCopies(const Operand& operand, typename Operand::Line* table, int batch, int first_line,
                        int line_count, int depth_begin, int depth_end)
      : operand_(operand),
        table_(table),
        lines_inside_(line_count - first_line),
        depth_(depth_begin + first_depth()),
        depth_end_(depth_end),
        at_(operand.depth(depth_begin + first_depth())) {
    if constexpr (depth_first) {
      for (int line = static_cast<int>(threadIdx.x); line < lines && line < lines_inside_; line += mma_threads)
        table[line] = operand.line(batch, first_line + line);
    } else if (line_of(0) < lines_inside_) {
      line_ = operand.line(batch, first_line + line_of(0));
    }
  }

  /// Starts the copies of the next tile.
  __device__ void start(float* tile) {
    for (int i = 0; i < copies; ++i) {
      const int line = line_of(i);
      int place = -1;
      if (line < lines_inside_ && depth_ < depth_end_) place = operand_.place(depth_first ? table_[line] : line_, at_);
      const int depth = depth_first ? first_depth() : first_depth() + i * depths_at_once;
      cp_async<width * 4>(tile + Tile::place(line, depth), &operand_.data[place < 0 ? 0 : place], place >= 0);
      if constexpr (!depth_first) move(depths_at_once);
    }
    if constexpr (depth_first) move(mma_depth);
  }

  static constexpr int table_size = depth_first ? lines : 0;

 private:
  static constexpr int copies_in_row = (depth_first ? mma_depth : lines) / width;
  static constexpr int copies = lines * mma_depth / width / mma_threads;
  static constexpr int depths_at_once = depth_first ? 0 : mma_threads / copies_in_row;
  static_assert(copies * width * mma_threads == lines * mma_depth && mma_threads % copies_in_row == 0);

  __device__ static int first_depth() {
    const int thread = static_cast<int>(threadIdx.x);
    return depth_first ? thread % copies_in_row * width : thread / copies_in_row;
  }
  __device__ static int line_of(int copy) {
    const int thread = static_cast<int>(threadIdx.x);
    return depth_first ? (thread + copy * mma_threads) / copies_in_row : thread % copies_in_row * width;
  }
  __device__ void move(int by) {
    depth_ += by;
    operand_.advance(at_, by);
  }

  const Operand& operand_;
  const typename Operand::Line* table_;
  typename Operand::Line line_ = {};
  int lines_inside_, depth_, depth_end_;
  typename Operand::Depth at_;
};

/// The fragment of 16 lines and 8 depths of the left operand.
template <class Tile>
__device__ void load_left(std::uint32_t (&a)[4], const float* tile, int line, int depth) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if constexpr (Tile::depth_first) {
    ldmatrix_x4(a, tile + Tile::place(line + lane % 16, depth + lane / 16 * 4));
    for (std::uint32_t& value : a) value = to_tf32(float_of(value));
  } else {
    for (int i = 0; i < 4; ++i)
      a[i] = to_tf32(tile[Tile::place(line + lane / 4 + i % 2 * 8, depth + lane % 4 + i / 2 * 4)]);
  }
}

/// The fragments of twice 8 lines and 8 depths of the right operand.
template <class Tile>
__device__ void load_right(std::uint32_t (&b)[2][2], const float* tile, int line, int depth) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if constexpr (Tile::depth_first) {
    std::uint32_t matrices[4];
    ldmatrix_x4(matrices, tile + Tile::place(line + lane / 16 * 8 + lane % 8, depth + lane / 8 % 2 * 4));
    for (int i = 0; i < 4; ++i) b[i / 2][i % 2] = to_tf32(float_of(matrices[i]));
  } else {
    for (int i = 0; i < 4; ++i)
      b[i / 2][i % 2] = to_tf32(tile[Tile::place(line + i / 2 * 8 + lane / 4, depth + lane % 4 + i % 2 * 4)]);
  }
}

/// As product_tiled, but `store` takes the sums of rows row, row + 8, row + 16 and row + 24, and operands tell where
/// their elements lie (TileCopies). Four warps share 128 rows x `columns`.
template <int columns, int width, class Left, class Right, class Store>
__global__ void product_tensor_cores(Left left, Right right, Store store, ProductShape shape) {
  using LeftTile = OperandTile<Left, mma_rows>;
  using RightTile = OperandTile<Right, columns>;
  constexpr int stage_floats = LeftTile::floats + RightTile::floats;
  constexpr int warp_columns = 32, warps_across = columns / warp_columns;
  constexpr int warp_rows = mma_rows * warps_across / (mma_threads / warp_threads);
  constexpr int high = warp_rows / 16, wide = warp_columns / 8;  // a warp's results, in sums of 16 x 8

  float* const stages = &dynamic_shared<float>()[0];  // plain: cp.async and ldmatrix take addresses
  auto* const left_table = reinterpret_cast<typename Left::Line*>(stages + mma_stages * stage_floats);
  auto* const right_table = reinterpret_cast<typename Right::Line*>(left_table + (Left::depth_first ? mma_rows : 0));

  const int parts = shape.parts();
  const int batch = static_cast<int>(blockIdx.z) / parts, part = static_cast<int>(blockIdx.z) % parts;
  const int first_row = static_cast<int>(blockIdx.x) * mma_rows, first_column = static_cast<int>(blockIdx.y) * columns;
  const int depth_begin = part * shape.part_depth;
  const int depth_end = shape.depth - depth_begin < shape.part_depth ? shape.depth : depth_begin + shape.part_depth;
  const int steps = static_cast<int>(divide_up(depth_end - depth_begin, mma_depth));

  TileCopies<Left, mma_rows, width> left_copies(left, left_table, batch, first_row, shape.rows, depth_begin, depth_end);
  TileCopies<Right, columns, width> right_copies(right, right_table, batch, first_column, shape.columns, depth_begin,
                                                 depth_end);
  __syncthreads();
  const auto bring = [&](int step) {
    if (step < steps) {
      float* const stage = stages + step % mma_stages * stage_floats;
      left_copies.start(stage);
      right_copies.start(stage + LeftTile::floats);
    }
    cp_async_commit();  // a group each time, perhaps empty, so that counting groups counts stages
  };
  for (int step = 0; step < mma_stages - 1; ++step) bring(step);

  const int warp = static_cast<int>(threadIdx.x) / warp_threads;
  const int warp_row = warp / warps_across * warp_rows, warp_column = warp % warps_across * warp_columns;
  float sums[high][wide][4] = {};
  for (int step = 0; step < steps; ++step) {
    cp_async_wait<mma_stages - 2>();  // this thread's copies of the stage are here,
    __syncthreads();                  // everybody's are; and all have read the stage that is overwritten next
    bring(step + mma_stages - 1);
    const float* const left_tile = stages + step % mma_stages * stage_floats;
    const float* const right_tile = left_tile + LeftTile::floats;
    MIEN_UNROLL
    for (int depth = 0; depth < mma_depth; depth += 8) {
      std::uint32_t a[high][4], b[wide / 2][2][2];
      MIEN_UNROLL
      for (int i = 0; i < high; ++i) load_left<LeftTile>(a[i], left_tile, warp_row + 16 * i, depth);
      MIEN_UNROLL
      for (int j = 0; j < wide / 2; ++j) load_right<RightTile>(b[j], right_tile, warp_column + 16 * j, depth);
      MIEN_UNROLL
      for (int i = 0; i < high; ++i) {
        MIEN_UNROLL
        for (int j = 0; j < wide; ++j) mma_m16n8k8_tf32(sums[i][j], a[i], b[j / 2][j % 2]);
      }
    }
  }

  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  MIEN_UNROLL
  for (int i = 0; i < high; i += 2) {
    MIEN_UNROLL
    for (int j = 0; j < 2 * wide; ++j) {
      const int k = j % 2, row = first_row + warp_row + 16 * i + lane / 4;
      const int column = first_column + warp_column + j / 2 * 8 + lane % 4 * 2 + k;
      const float(&upper)[4] = sums[i][j / 2], (&lower)[4] = sums[i + 1][j / 2];
      const float together[mma_square] = {upper[k], upper[2 + k], lower[k], lower[2 + k]};
      if (row < shape.rows && column < shape.columns) store(batch, part, row, column, together);
    }
  }
}

/// Starts product_tensor_cores on as many tiles as cover the result. `by_fours`: both operands allow it (in_fours).
template <class Left, class Right, class Store>
void launch_product_tensor_cores(const char* name, Left left, Right right, Store store, ProductShape shape,
                                 bool by_fours) {
  const auto start = [&]<int columns, int width>() {
    constexpr int tables =
        TileCopies<Left, mma_rows, width>::table_size * static_cast<int>(sizeof(typename Left::Line)) +
        TileCopies<Right, columns, width>::table_size * static_cast<int>(sizeof(typename Right::Line));
    constexpr int floats = OperandTile<Left, mma_rows>::floats + OperandTile<Right, columns>::floats;
    const dim3 grid(static_cast<unsigned>(divide_up(shape.rows, mma_rows)),
                    grid_extent(name, divide_up(shape.columns, columns)),
                    grid_extent(name, std::int64_t{shape.batches} * shape.parts()));
    launch(name, product_tensor_cores<columns, width, Left, Right, Store>, grid, dim3(mma_threads),
           mma_stages * floats * sizeof(float) + tables, left, right, store, shape);
  };
  const bool narrow = mma_columns(shape.columns) == 32;
  if (by_fours)
    narrow ? start.template operator()<32, 4>() : start.template operator()<64, 4>();
  else
    narrow ? start.template operator()<32, 1>() : start.template operator()<64, 1>();
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
