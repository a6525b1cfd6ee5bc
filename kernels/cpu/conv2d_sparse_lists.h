// The vector kernels of the pool-sparse weight gradient by lists of live entries (conv2d_sparse_lists.cpp has the
// algorithm).
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// Windows of the pool whose argmax codes are to be turned into lists of live entries, and where the lists go. An entry
/// is a window's number times 65536, plus the pixel of the packed x under the tap (0, 0) of the window's maximum.
struct SparseListing {
  const std::uint32_t* codes;  ///< of four channels at a time: window j's four bytes at codes[channel / 4 * stride + j]
  const std::uint32_t* corner;  ///< window j's entry, were its maximum at place 0
  int windows;                  ///< a multiple of the lanes, the last ones killed
  int channels;
  std::int64_t stride;      ///< of codes, and of the lists: room for `windows` and a vector more
  std::uint32_t row_pitch;  ///< pixels of a row of the packed x
  std::uint32_t* entries;   ///< channel c's list, in order of the windows: entries[c * stride + k]
  std::int32_t* counts;     ///< of each channel's entries
};

/// One channel's list times a block of input channels.
struct SparseProduct {
  const float* x;  ///< packed: pixels of as many floats as the vector has lanes
  std::int64_t row_pitch;
  const std::uint32_t* entries;
  int count;
  const float* dy;  ///< of this channel: window j's at dy[4 * j]
  float* dw;        ///< nine taps of as many floats: the sums are added
};

/// `pixels` neighbouring pixels of x, of which `channels` are copied into pixels of one vector, with zeros behind.
struct SparsePacking {
  const float* x;
  std::int64_t pitch;  ///< floats from pixel to pixel
  std::int64_t pixels;
  int channels;
  float* packed;
};

/// Live dy summed per channel over a row of windows.
struct SparseBias {
  const std::uint8_t* argmax;
  const float* dy;
  int windows;
  std::int64_t pitch;  ///< elements from window to window
  int channels;
  float* dbias;  ///< the sums are added
};

/// Those of one instruction set. A block of input channels is a vector, or half of one where half is enough: [half].
struct SparseListKernels {
  int lanes;
  void (*list)(const SparseListing& listing);
  void (*multiply[2])(const SparseProduct& product);
  void (*pack[2])(const SparsePacking& packing);
  void (*bias)(const SparseBias& bias);
};

const SparseListKernels& sparse_list_kernels();

}  // namespace mien::kernels::cpu
