// Winograd's convolution (conv2d_winograd.h): its plan and its tasks.
//
// The tiles of the whole batch are numbered, image by image and row by row, and cut into blocks. A task takes a block:
// V of its tiles, then panel by panel of out-channels M and the result, so that V and M stay in its core's cache. Where
// there are few blocks, as with one small image, several tasks take a share of the panels each, and each computes V for
// itself: that is little beside the products, and less than fetching it from another core. What a tile gives depends on
// none of this, so an image has the same bits in any batch, on any number of threads.
#include "mien/kernels/cpu/conv2d_winograd.h"

#include <algorithm>

#include "mien/kernels/cpu/caches.h"
#include "mien/kernels/cpu/conv2d_winograd_kernels.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// In-channels whose weights are transformed at a time.
constexpr int task_channels = 16;

struct WinogradInputScratch;
struct WinogradProductScratch;
struct WinogradWeightScratch;
struct WinogradTurnedScratch;

/// A correlation with a 3x3 kernel: forward, or backward with dz as the source.
struct Correlation3x3 {
  int batch;
  int source_height, source_width, in_channels;
  int top, left;  ///< cells of padding before the first; may be negative
  int result_height, result_width, out_channels;
  const float* source;
  const float* u;
  const float* bias = nullptr;
  const float* residual = nullptr;
  Activation activation = {};
  bool pool = false;
  float* y;
  std::uint8_t* argmax = nullptr;
};

/// Out-channels begin … begin+columns-1; the last panel may reach past the last channel.
struct Panel {
  int begin, columns;
};

Panel panel_at(const WinogradProducts& products, int out_channels, std::int64_t index) {
  Panel panel = {0, products.panel_columns(out_channels)};
  const std::int64_t whole = std::min<std::int64_t>(index, out_channels / panel.columns - 1);
  if (whole > 0) panel.begin = static_cast<int>(whole) * panel.columns, index -= whole;
  for (; index > 0; --index) {
    panel.begin += panel.columns;
    panel.columns = products.panel_columns(out_channels - panel.begin);
  }
  return panel;
}

/// Of all panels together.
struct Panels {
  std::int64_t count;
  std::int64_t columns;
};

Panels all_panels(const WinogradProducts& products, int out_channels) {
  Panels panels = {0, 0};
  for (; panels.columns < out_channels; ++panels.count)
    panels.columns += products.panel_columns(out_channels - static_cast<int>(panels.columns));
  return panels;
}

/// Transforms the weights of a kernel (3, 3, in, out); `turned`: they are those of the kernel turned round, stored as
/// (3, 3, out, in).
void transform_weights(const float* w, int in_channels, int out_channels, bool turned, float* transformed) {
  const WinogradProducts& products = winograd_products();
  const WinogradTransforms& transforms = winograd_transforms();
  const std::int64_t in_blocks = block_count(in_channels, task_channels);
  const std::int64_t w_tap = std::int64_t{in_channels} * out_channels;
  parallel_for(all_panels(products, out_channels).count * in_blocks, [&](std::int64_t task) {
    const Panel panel = panel_at(products, out_channels, task / in_blocks);
    const int in_begin = static_cast<int>(task % in_blocks) * task_channels;
    const int in_count = std::min(task_channels, in_channels - in_begin);
    WinogradWeights weights = {.w = w + std::int64_t{in_begin} * out_channels + panel.begin,
                               .tap_step = w_tap,
                               .in_step = out_channels,
                               .in_channels = in_count,
                               .panel_columns = panel.columns,
                               .u = transformed + winograd_frequencies * std::int64_t{in_channels} * panel.begin +
                                    std::int64_t{in_begin} * panel.columns,
                               .u_step = std::int64_t{in_channels} * panel.columns};
    const int columns = std::min(panel.columns, out_channels - panel.begin);
    if (turned || columns < panel.columns) {
      // A copy, in the order in which the transform reads, with zeros past the last channel.
      float* const copy = thread_scratch<WinogradWeightScratch>(9 * task_channels * winograd_panel_columns);
      const std::int64_t copy_tap = std::int64_t{task_channels} * panel.columns;
      if (columns < panel.columns) std::fill_n(copy, 9 * copy_tap, 0.0f);
      for (int tap = 0; tap < 9; ++tap) {
        const float* const from = turned ? w + (8 - tap) * w_tap + std::int64_t{panel.begin} * in_channels + in_begin
                                         : weights.w + tap * w_tap;
        const std::int64_t in_step = turned ? 1 : out_channels, out_step = turned ? in_channels : 1;
        for (int column = 0; column < columns; ++column)
          for (int in = 0; in < in_count; ++in)
            copy[tap * copy_tap + in * panel.columns + column] = from[in * in_step + column * out_step];
      }
      weights.w = copy;
      weights.tap_step = copy_tap;
      weights.in_step = panel.columns;
    }
    transforms.weights(weights);
  });
}

struct Plan {
  const Correlation3x3& c;
  const WinogradTransforms& transforms;
  const WinogradProducts& products;
  int tiles_down = 0, tiles_across = 0;  ///< of one image
  std::int64_t tiles = 0;                ///< of the batch
  int block_tiles = 0;
  std::int64_t blocks = 0;
  int channel_block = 0;                ///< in-channels of a block
  std::int64_t v_block_step = 0;        ///< of V: from one block of in-channels to the next
  std::int64_t v_step = 0, m_step = 0;  ///< from one frequency to the next
  std::int64_t v_size = 0;              ///< V of a block of tiles
  const float* zeros = nullptr;         ///< a cell outside of the picture
  bool from_memory = false;             ///< the source is more than a core's second cache holds
};

Plan make_plan(const Correlation3x3& c) {
  Plan plan = {.c = c, .transforms = winograd_transforms(), .products = winograd_products()};
  const auto tiles_of = [&](int size) {
    return static_cast<int>(block_count(c.pool ? size / 2 * 2 : size, winograd_tile));
  };
  plan.tiles_down = tiles_of(c.result_height);
  plan.tiles_across = tiles_of(c.result_width);
  plan.tiles = std::int64_t{c.batch} * plan.tiles_down * plan.tiles_across;
  plan.block_tiles = plan.products.block_tiles;
  plan.blocks = block_count(plan.tiles, plan.block_tiles);
  plan.channel_block = plan.products.channel_block(c.in_channels);
  plan.v_block_step = std::int64_t{plan.block_tiles} * plan.channel_block;
  plan.v_step = block_count(c.in_channels, plan.channel_block) * plan.v_block_step + line_floats;
  plan.v_size = winograd_frequencies * plan.v_step;
  plan.m_step = plan.block_tiles * winograd_panel_columns + line_floats;
  plan.from_memory = std::int64_t{c.batch} * c.source_height * c.source_width * c.in_channels > second_cache_floats;
  return plan;
}

/// The first row and column of a tile's result, and its image.
struct Tile {
  std::int64_t image;
  int row, column;
};

Tile tile_at(const Plan& plan, std::int64_t index) {
  const std::int64_t down = index / plan.tiles_across;
  return {down / plan.tiles_down, static_cast<int>(down % plan.tiles_down) * winograd_tile,
          static_cast<int>(index % plan.tiles_across) * winograd_tile};
}

/// The tile after `tile`: cheaper than tile_at's divisions.
Tile next_tile(const Plan& plan, Tile tile) {
  tile.column += winograd_tile;
  if (tile.column < plan.tiles_across * winograd_tile) return tile;
  tile.column = 0;
  tile.row += winograd_tile;
  if (tile.row < plan.tiles_down * winograd_tile) return tile;
  return {tile.image + 1, 0, 0};
}

/// Asks for the four rows below a strip's patches, which the next row of tiles will read: its rows lie far apart, so
/// that the processor does not foresee them.
void prefetch_below(const float* image, const float* end, std::int64_t row_pitch, int row, std::int64_t first,
                    int count) {
  for (int i = 0; i < winograd_tile; ++i) {
    const std::int64_t offset = (row + i) * row_pitch + first;
    if (offset < 0 || offset + count > end - image) return;
    for (std::int64_t at = 0; at < count; at += line_floats)
      __builtin_prefetch(image + offset + at, 0, 2);  // to read, into the second cache
  }
}

/// V of `tiles` tiles side by side.
void transform_strip(const Plan& plan, const Tile& tile, int tiles, float* v) {
  const Correlation3x3& c = plan.c;
  const int top = tile.row - c.top, left = tile.column - c.left, columns = winograd_tile * tiles + 2;
  const std::int64_t row_pitch = std::int64_t{c.source_width} * c.in_channels;
  const std::int64_t image_size = c.source_height * row_pitch;
  const float* const image = c.source + tile.image * image_size;
  WinogradInput input = {.row = {},
                         .column_pitch = {},
                         .left = left,
                         .first = std::clamp(-left, 0, columns),
                         .last = std::clamp(c.source_width - left, 0, columns),
                         .tiles = tiles,
                         .channels = c.in_channels,
                         .v = v,
                         .v_step = plan.v_step,
                         .block = plan.channel_block,
                         .v_block_step = plan.v_block_step};
  input.first = std::min(input.first, input.last);
  for (int i = 0; i < winograd_patch; ++i) {
    const bool inside = top + i >= 0 && top + i < c.source_height;
    input.row[i] = inside ? image + (top + i) * row_pitch : plan.zeros;
    input.column_pitch[i] = inside ? c.in_channels : 0;
  }
  if (plan.from_memory)
    prefetch_below(image, c.source + c.batch * image_size, row_pitch, top + winograd_patch,
                   std::int64_t{left + 1} * c.in_channels, winograd_tile * tiles * c.in_channels);
  plan.transforms.input(input);
}

/// V of a block of tiles.
void transform_block(const Plan& plan, std::int64_t first_tile, int count, float* v) {
  Tile tile = tile_at(plan, first_tile);
  for (int i = 0; i < count;) {
    const int in_row = plan.tiles_across - tile.column / winograd_tile;
    const int tiles = std::min({winograd_strip, count - i, in_row});
    transform_strip(plan, tile, tiles, v + i * plan.channel_block);
    i += tiles;
    tile.column += (tiles - 1) * winograd_tile;
    tile = next_tile(plan, tile);
  }
}

/// Where the results of a block's tiles lie.
void find_places(const Plan& plan, std::int64_t first_tile, int tiles, WinogradPlace* places) {
  const Correlation3x3& c = plan.c;
  const int step = c.pool ? 2 : 1, y_height = c.result_height / step, y_width = c.result_width / step;
  Tile tile = tile_at(plan, first_tile);
  for (int i = 0; i < tiles; ++i, tile = next_tile(plan, tile)) {
    const int row = tile.row / step, column = tile.column / step, size = winograd_tile / step;
    places[i] = {((tile.image * y_height + row) * y_width + column) * c.out_channels, std::min(size, y_height - row),
                 std::min(size, y_width - column)};
  }
}

/// M and the result of a block for one panel.
void finish_panel(const Plan& plan, const Panel& panel, const float* v, int tiles, const WinogradPlace* places) {
  const Correlation3x3& c = plan.c;
  float* const m = thread_scratch<WinogradProductScratch>(winograd_frequencies * plan.m_step);
  plan.products.multiply({.v = v,
                          .v_step = plan.v_step,
                          .v_block_step = plan.v_block_step,
                          .tiles = tiles,
                          .u = c.u + winograd_frequencies * std::int64_t{c.in_channels} * panel.begin,
                          .u_step = std::int64_t{c.in_channels} * panel.columns,
                          .in_channels = c.in_channels,
                          .panel_columns = panel.columns,
                          .m = m,
                          .m_step = plan.m_step});
  const int channels = std::min(panel.columns, c.out_channels - panel.begin);
  float bias[winograd_panel_columns] = {};
  if (c.bias) std::copy_n(c.bias + panel.begin, channels, bias);
  plan.products.output({.m = m,
                        .m_step = plan.m_step,
                        .panel_columns = panel.columns,
                        .tiles = tiles,
                        .places = places,
                        .channels = channels,
                        .bias = bias,
                        .residual = c.residual ? c.residual + panel.begin : nullptr,
                        .activation = c.activation,
                        .pool = c.pool,
                        .y = c.y + panel.begin,
                        .argmax = c.argmax ? c.argmax + panel.begin : nullptr,
                        .row_pitch = std::int64_t{c.pool ? c.result_width / 2 : c.result_width} * c.out_channels,
                        .column_pitch = c.out_channels});
}

void correlate_3x3(const Correlation3x3& c) {
  Plan plan = make_plan(c);
  plan.zeros = thread_zeros(c.in_channels);
  const std::int64_t panels = all_panels(plan.products, c.out_channels).count;
  // Two tasks a thread or more, as long as there are panels.
  const std::int64_t shares =
      std::clamp<std::int64_t>(block_count(2 * omp_get_max_threads(), std::max<std::int64_t>(1, plan.blocks)), 1,
                               std::max<std::int64_t>(1, panels));
  parallel_for(plan.blocks * shares, [&](std::int64_t task) {
    const std::int64_t first_tile = task / shares * plan.block_tiles, share = task % shares;
    const int tiles = static_cast<int>(std::min<std::int64_t>(plan.block_tiles, plan.tiles - first_tile));
    WinogradPlace places[winograd_block_tiles];
    find_places(plan, first_tile, tiles, places);
    float* const v = thread_scratch<WinogradInputScratch>(plan.v_size);
    transform_block(plan, first_tile, tiles, v);
    for (std::int64_t i = panels * share / shares; i < panels * (share + 1) / shares; ++i)
      finish_panel(plan, panel_at(plan.products, c.out_channels, i), v, tiles, places);
  });
}

}  // namespace

bool winograd_fits(const Conv2dGeometry& g) { return g.is_plain_3x3(); }

bool winograd_pays(const Conv2dGeometry& g) {
  const std::int64_t results = std::int64_t{g.height.output} * g.width.output;
  const std::int64_t computed = winograd_tile * winograd_tile * block_count(g.height.output, winograd_tile) *
                                block_count(g.width.output, winograd_tile);
  return winograd_fits(g) && g.in_channels >= 4 && g.out_channels >= 4 && 8 * results >= 3 * computed;
}

std::int64_t winograd_weights_size(const Conv2dGeometry& g) {
  return winograd_frequencies * std::int64_t{g.in_channels} * all_panels(winograd_products(), g.out_channels).columns;
}

void winograd_transform_weights(const float* w, const Conv2dGeometry& g, float* transformed) {
  transform_weights(w, g.in_channels, g.out_channels, false, transformed);
}

void conv2d_forward_winograd(View<const float> x, const float* transformed, View<const float> bias, View<float> y,
                             View<std::uint8_t> argmax, const Conv2dGeometry& g, const float* residual) {
  correlate_3x3({.batch = g.batch,
                 .source_height = g.height.input,
                 .source_width = g.width.input,
                 .in_channels = g.in_channels,
                 .top = g.height.padding_begin,
                 .left = g.width.padding_begin,
                 .result_height = g.height.output,
                 .result_width = g.width.output,
                 .out_channels = g.out_channels,
                 .source = x.data,
                 .u = transformed,
                 .bias = g.bias ? bias.data : nullptr,
                 .residual = residual,
                 .activation = g.activation,
                 .pool = g.pool,
                 .y = y.data,
                 .argmax = argmax.data});
}

// dx at cell i gets dz at position p through tap i + padding - p: a correlation with the taps in reverse, whose padding
// is what is left of the kernel.
void conv2d_backward_input_winograd(View<const float> dz, View<const float> w, View<float> dx,
                                    const Conv2dGeometry& g) {
  const std::int64_t size =
      winograd_frequencies * std::int64_t{g.out_channels} * all_panels(winograd_products(), g.in_channels).columns;
  float* const u = thread_scratch<WinogradTurnedScratch>(size);
  transform_weights(w.data, g.out_channels, g.in_channels, true, u);
  correlate_3x3({.batch = g.batch,
                 .source_height = g.height.output,
                 .source_width = g.width.output,
                 .in_channels = g.out_channels,
                 .top = 2 - g.height.padding_begin,
                 .left = 2 - g.width.padding_begin,
                 .result_height = g.height.input,
                 .result_width = g.width.input,
                 .out_channels = g.in_channels,
                 .source = dz.data,
                 .u = u,
                 .y = dx.data});
}

}  // namespace mien::kernels::cpu
