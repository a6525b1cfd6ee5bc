// The vector code of Winograd's convolution (conv2d_winograd.h): its four steps, each on one block of tiles.
//
// Tiles are worked on in blocks, out-channels in panels of one or two vectors, and in-channels in blocks of one vector.
// The 36 pairs of points, called frequencies, are numbered 6 * row + column. The layouts:
//
//   V [frequency][block of in-channels][tile][in-channel of the block]    so that a product's tiles lie at fixed places
//   U [panel][frequency][in-channel][column of the panel]
//   M [frequency][tile][column of the panel]
//
// V and M leave a cache line between frequencies: else the 36 places of one element would share a few lines.
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

inline constexpr int winograd_tile = 4;          ///< rows and columns of a tile of the output
inline constexpr int winograd_patch = 6;         ///< rows and columns of the cells that it reads
inline constexpr int winograd_frequencies = 36;  ///< of a patch

/// Most tiles whose V is made together.
inline constexpr int winograd_strip = 4;

/// V of a strip: tiles side by side, whose patches share columns. Rows and columns outside of the picture are zero.
struct WinogradInput {
  const float* row[winograd_patch];           ///< channel 0 of the first cell of each row of the picture; or zeros
  std::int64_t column_pitch[winograd_patch];  ///< floats from one cell to the next; 0 where a row is zeros
  int left;                                   ///< the column of the picture where the first patch begins
  int first, last;  ///< the strip's columns that are in the picture, from `left` on: first … last-1
  int tiles;        ///< at most winograd_strip
  int channels;
  float* v;                   ///< frequency 0, first tile, channel 0; tiles are `block` floats apart
  std::int64_t v_step;        ///< from one frequency to the next
  int block;                  ///< in-channels of a block
  std::int64_t v_block_step;  ///< from one block of them to the next
};

/// U of some in-channels for one panel.
struct WinogradWeights {
  const float* w;         ///< tap 0 of the first in-channel; the panel's columns side by side
  std::int64_t tap_step;  ///< from one of the nine taps to the next
  std::int64_t in_step;   ///< from one in-channel to the next
  int in_channels;
  int panel_columns;
  float* u;  ///< frequency 0 of the first in-channel; rows of panel_columns
  std::int64_t u_step;
};

/// M of a block of tiles and one panel: for each frequency, M (tiles, columns) = V (tiles, in) * U (in, columns).
struct WinogradProduct {
  const float* v;
  std::int64_t v_step, v_block_step;
  int tiles;  ///< of the block; the rows of others may be read and written
  const float* u;
  std::int64_t u_step;
  int in_channels;
  int panel_columns;
  float* m;  ///< rows of panel_columns
  std::int64_t m_step;
};

/// Where a tile's result lies, and how much of it exists: positions, or with the pool windows.
struct WinogradPlace {
  std::int64_t first;  ///< of channel 0, in floats from the start of y
  int rows, columns;
};

/// The result of a block of tiles and one panel: transform, bias, activation, pool.
struct WinogradOutput {
  const float* m;
  std::int64_t m_step;
  int panel_columns;
  int tiles;
  const WinogradPlace* places;
  int channels;           ///< of the panel that exist
  const float* bias;      ///< of the panel's columns, as many as it has
  const float* residual;  ///< without the pool: added before the activation, beside y; null: none
  Activation activation;
  bool pool;
  float* y;                              ///< channel 0 of the panel
  std::uint8_t* argmax;                  ///< with the pool, beside y; null: not wanted
  std::int64_t row_pitch, column_pitch;  ///< of y
};

/// Those of one instruction set.
struct WinogradTransforms {
  void (*input)(const WinogradInput& input);
  void (*weights)(const WinogradWeights& weights);
};
struct WinogradProducts {
  int block_tiles;  ///< tiles of a block, at most winograd_block_tiles
  /// Columns of the panel to use where `remaining` out-channels are left; may be more than remain.
  int (*panel_columns)(int remaining);
  /// In-channels of a block.
  int (*channel_block)(int in_channels);
  void (*multiply)(const WinogradProduct& product);
  void (*output)(const WinogradOutput& output);
};

const WinogradTransforms& winograd_transforms();
const WinogradProducts& winograd_products();

/// Most tiles of a block.
inline constexpr int winograd_block_tiles = 16;
/// Most columns of any panel.
inline constexpr int winograd_panel_columns = 32;

}  // namespace mien::kernels::cpu
