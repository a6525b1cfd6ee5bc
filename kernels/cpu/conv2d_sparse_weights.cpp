// The pool-sparse weight gradient; conv2d_sparse_input.cpp says what the sparse gradients are.
//
//   dw[i][j][in][out] = sum over live windows of dy[window][out] * x[place of the maximum + (i, j)][in]
//
// With enough input channels to fill half a vector they are its lanes, and each output channel's live entries are
// listed (conv2d_sparse_lists.cpp). With fewer, windows are the lanes (conv2d_sparse_planes.cpp); but with a single one
// and eights of output channels, those are (conv2d_sparse_octets.cpp).
//
// Every rectangle's sums are taken from zero and added to the partial gradient of its part; the parts, whose number
// depends on the shape alone, are added in order at the end. So the bits do not depend on the number of threads.
#include <algorithm>
#include <numeric>

#include "mien/kernels/cpu/conv2d_octets.h"
#include "mien/kernels/cpu/conv2d_planes.h"
#include "mien/kernels/cpu/conv2d_sparse_plan.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {
namespace {

/// Up to this many input channels go by planes.
constexpr int most_planes = 4;
/// Windows of a rectangle, and the most in a row of them. By lists they are as many as have about 16 KB of x under
/// them, for a block of input channels.
constexpr int list_lanes = 1024, list_columns = 32;
constexpr int plane_windows = 512, plane_columns = 128;
/// A part's windows outweigh the adding up of its partial gradient, which takes longer where that is too large for a
/// core's second cache; and there are no more parts than this.
constexpr std::int64_t least_part_windows = 128, least_large_part_windows = 512, most_parts = 8;
constexpr std::int64_t large_part = 128 * 1024;  ///< floats
/// With fewer parts than tasks wanted, the output channels are divided too, no finer than this.
constexpr int least_task_channels = 16;

struct PartialScratch;
struct SumScratch;

SparsePlan make_plan(const Conv2dGeometry& g) {
  const auto blocks_of = [](std::int64_t count, std::int64_t block) {
    return static_cast<int>(block_count(count, block));
  };
  const int lanes = planes_kernels().lanes;
  const bool planes = g.in_channels <= most_planes;
  const int columns = std::min(g.y_width(), planes ? plane_columns : list_columns);
  const int pixel = 2 * g.in_channels <= lanes ? lanes / 2 : lanes;
  const int windows_wanted = planes ? plane_windows : list_lanes / pixel;
  const int rows = std::min(g.y_height(), windows_wanted / columns);
  const bool whole_images = !planes && rows == g.y_height() && columns == g.y_width();
  SparsePlan plan = {.g = g,
                     .lanes = lanes,
                     .planes = planes,
                     .octets = octets_fit(g),
                     .images = whole_images ? std::max(1, windows_wanted / (rows * columns)) : 1,
                     .rows = rows,
                     .columns = columns,
                     .row_blocks = blocks_of(g.y_height(), rows),
                     .column_blocks = blocks_of(g.y_width(), columns),
                     .rectangles = 0,
                     .parts = 1,
                     .channel_tasks = 1,
                     .task_channels = g.out_channels,
                     .blocks = planes ? g.in_channels : blocks_of(g.in_channels, lanes),
                     .dw_size = 0,
                     .partial_size = 0};
  plan.rectangles = blocks_of(g.batch, plan.images) * plan.row_blocks * plan.column_blocks;
  plan.dw_size = std::int64_t{plan.blocks} * g.out_channels * plan.block_floats();
  plan.partial_size = block_count(plan.dw_size + g.out_channels, 16) * 16;
  const std::int64_t windows = std::int64_t{g.batch} * g.y_height() * g.y_width();
  const std::int64_t part_windows = plan.partial_size > large_part ? least_large_part_windows : least_part_windows;
  plan.parts = static_cast<int>(
      std::clamp<std::int64_t>(windows / part_windows, 1, std::min<std::int64_t>(most_parts, plan.rectangles)));
  plan.task_channels = std::max(least_task_channels, blocks_of(g.out_channels, blocks_of(most_parts, plan.parts)));
  const int together = plan.octets ? octet : 4;  // or codes, which go four at a time
  plan.task_channels = blocks_of(plan.task_channels, together) * together;
  plan.channel_tasks = blocks_of(g.out_channels, plan.task_channels);
  return plan;
}

/// The sum of the parts, in order, of a block of input channels and some neighbouring output channels, laid out as
/// weights are.
void gather_block(const SparsePlan& plan, const float* partial, int block, const SparseChannels& channels, float* dw) {
  const Conv2dGeometry& g = plan.g;
  // Those of a part are neighbours: [channel][tap][lane].
  const std::int64_t size = std::int64_t{channels.count} * plan.block_floats();
  const float* const from = partial + (std::int64_t{block} * g.out_channels + channels.begin) * plan.block_floats();
  float* const sums = thread_scratch<SumScratch>(size);
  std::copy_n(from, size, sums);
  for (int part = 1; part < plan.parts; ++part) {
    const float* const addends = from + part * plan.partial_size;
    for (std::int64_t i = 0; i < size; ++i) sums[i] += addends[i];
  }
  // By lists a lane is an input channel; by planes (and octets) all lanes belong to one, and are added up.
  const int first = plan.planes ? block : block * plan.lanes;
  const int lanes = !plan.planes && plan.half(block) ? plan.lanes / 2 : plan.lanes;
  const int count = plan.planes ? 1 : std::min(lanes, g.in_channels - first);
  for (int tap = 0; tap < 9; ++tap)
    for (int in = 0; in < count; ++in) {
      float* const to = dw + (std::int64_t{tap} * g.in_channels + first + in) * g.out_channels + channels.begin;
      const float* lane = sums + tap * lanes + in;
      for (int channel = 0; channel < channels.count; ++channel, lane += plan.block_floats())
        to[channel] = plan.planes ? std::accumulate(lane, lane + lanes, 0.0f) : *lane;
    }
}

}  // namespace

void conv2d_sparse_backward_weights(View<const float> x, View<const std::uint8_t> argmax, View<const float> dy,
                                    View<float> dw, View<float> dbias, Conv2dGeometry g) {
  if (g.y_size() == 0) {
    std::fill_n(dw.data, dw.size, 0.0f);
    std::fill_n(dbias.data, dbias.size, 0.0f);
    return;
  }
  const SparsePlan plan = make_plan(g);
  float* const partial = thread_scratch<PartialScratch>(plan.parts * plan.partial_size);
  parallel_for(std::int64_t{plan.parts} * plan.channel_tasks, [&](std::int64_t task) {
    const int part = static_cast<int>(task / plan.channel_tasks);
    const int begin = static_cast<int>(task % plan.channel_tasks) * plan.task_channels;
    const SparseChannels channels = {begin, std::min(plan.task_channels, g.out_channels - begin)};
    float* const sums = partial + part * plan.partial_size;
    for (int block = 0; block < plan.blocks; ++block)
      std::fill_n(plan.dw_of(sums, block, begin), channels.count * plan.block_floats(), 0.0f);
    std::fill_n(sums + plan.dw_size + begin, channels.count, 0.0f);
    const auto first_rectangle = [&](int of) {
      return static_cast<int>(std::int64_t{plan.rectangles} * of / plan.parts);
    };
    const int end = first_rectangle(part + 1);
    for (int index = first_rectangle(part); index < end; ++index) {
      const SparseRectangle r = plan.rectangle(index);
      const std::int64_t from = plan.first_window(r) + begin;
      const SparseSums to = {.x = x.data,
                             .argmax = argmax.data + from,
                             .dy = dy.data + from,
                             .dw = dw.empty() ? nullptr : sums,
                             .dbias = dbias.empty() ? nullptr : sums + plan.dw_size};
      if (plan.octets) {
        add_by_octets(plan, r, channels, to);
      } else if (plan.planes) {
        add_by_planes(plan, r, channels, to);
      } else {
        const SparseRectangle next = plan.rectangle(index + 1);
        add_by_lists(plan, r, index + 1 < end ? &next : nullptr, channels, to);
      }
    }
  });
  if (!dw.empty()) {
    const std::int64_t groups = block_count(g.out_channels, least_task_channels);
    parallel_for(plan.blocks * groups, [&](std::int64_t task) {
      const int begin = static_cast<int>(task % groups) * least_task_channels;
      gather_block(plan, partial, static_cast<int>(task / groups),
                   {begin, std::min(least_task_channels, g.out_channels - begin)}, dw.data);
    });
  }
  for (std::int64_t channel = 0; channel < dbias.size; ++channel) {
    dbias.data[channel] = 0.0f;
    for (int part = 0; part < plan.parts; ++part)
      dbias.data[channel] += partial[part * plan.partial_size + plan.dw_size + channel];
  }
}

}  // namespace mien::kernels::cpu
