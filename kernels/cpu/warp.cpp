// Warping (warp.h), row by row. First the picture becomes a plane of one channel that the neighbours of a place are
// gathered from (warp_row.h): of bytes as pairs, a pixel and the one below it, so that the four neighbours of a place
// lie within 32 bits. The channels of a picture share the places.
#include "mien/kernels/cpu/warp.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "mien/kernels/cpu/colour.h"
#include "mien/kernels/cpu/warp_row.h"

namespace mien::kernels::cpu {
namespace {

/// A picture's channels apart, each (height, width); the picture itself where it has one.
template <class T>
const T* split_channels(const T* x, const Warp& warp) {
  if (warp.channels == 1) return x;
  static thread_local std::vector<T> planes;
  const std::int64_t size = std::int64_t{warp.height} * warp.width;
  planes.resize(static_cast<std::size_t>(size * warp.channels));
  if constexpr (sizeof(T) == 1) {
    if (warp.channels == 3) {
      T* const colours[] = {planes.data(), planes.data() + size, planes.data() + 2 * size};
      split_colours(x, size, colours);
      return planes.data();
    }
  }
  for (int channel = 0; channel < warp.channels; ++channel)
    for (std::int64_t i = 0; i < size; ++i)
      planes[static_cast<std::size_t>(channel * size + i)] = x[i * warp.channels + channel];
  return planes.data();
}

/// A row of one channel, and one pixel more on the right: what the plane's last column holds.
template <class T>
void read_row(const T* x, const Warp& warp, int row, T* to) {
  std::copy_n(x + std::int64_t{row} * warp.width, warp.width, to);
  to[warp.width] = to[warp.fill == WarpFill::wrap ? 0 : warp.width - 1];
}

/// The row that lies below another.
int row_below(const Warp& warp, int row) {
  return row + 1 < warp.height ? row + 1 : warp.fill == WarpFill::wrap ? 0 : row;
}

std::size_t plane_size(const Warp& warp) {
  return static_cast<std::size_t>(plane_pitch(warp)) * static_cast<std::size_t>(warp.height + 1);
}

void make_plane(const std::uint8_t* x, const Warp& warp, std::uint16_t* plane) {
  static thread_local std::vector<std::uint8_t> upper, lower;
  const int pitch = plane_pitch(warp);
  upper.resize(static_cast<std::size_t>(pitch)), lower.resize(static_cast<std::size_t>(pitch));
  read_row(x, warp, 0, lower.data());
  for (int row = 0; row < warp.height; ++row) {
    std::swap(upper, lower);
    read_row(x, warp, row_below(warp, row), lower.data());
    warp_kernels().pair_rows(upper.data(), lower.data(), pitch, plane + std::int64_t{row} * pitch);
  }
}

void make_plane(const float* x, const Warp& warp, float* plane) {
  const std::int64_t pitch = plane_pitch(warp);
  for (int row = 0; row < warp.height; ++row) read_row(x, warp, row, plane + row * pitch);
  read_row(x, warp, row_below(warp, warp.height - 1), plane + warp.height * pitch);
}

template <class T, class Pixel, class Values>
void warp_channels(const T* x, float* y, const Warp& warp, Values values) {
  const WarpKernels& kernels = warp_kernels();
  static thread_local std::vector<Pixel> planes;
  static thread_local WarpRow places;
  planes.resize(plane_size(warp) * static_cast<std::size_t>(warp.channels));
  places.resize(warp.width, warp.channels);
  const auto plane = [&](int channel) { return planes.data() + plane_size(warp) * static_cast<std::size_t>(channel); };
  const T* const channels = split_channels(x, warp);
  for (int channel = 0; channel < warp.channels; ++channel)
    make_plane(channels + std::int64_t{channel} * warp.height * warp.width, warp, plane(channel));
  for (int row = 0; row < warp.height; ++row) {
    kernels.places(warp, row, places);
    for (int channel = 0; channel < warp.channels; ++channel)
      (kernels.*values)(plane(channel), warp, places, places.values_of(channel));
    float* const to = y + std::int64_t{row} * warp.width * warp.channels;
    if (warp.channels == 1)
      std::copy_n(places.values_of(0), warp.width, to);
    else if (warp.channels == 3)
      kernels.join_colours(places.values_of(0), places.values_of(1), places.values_of(2), warp.width, to);
    else
      for (int channel = 0; channel < warp.channels; ++channel)
        for (int column = 0; column < warp.width; ++column)
          to[column * warp.channels + channel] = places.values_of(channel)[column];
  }
}

}  // namespace

void warp(const std::uint8_t* x, float* y, const Warp& warp) {
  warp_channels<std::uint8_t, std::uint16_t>(x, y, warp, &WarpKernels::byte_values);
}

void warp(const float* x, float* y, const Warp& warp) {
  warp_channels<float, float>(x, y, warp, &WarpKernels::float_values);
}

}  // namespace mien::kernels::cpu
