// Pooling line by line, for files that Highway compiles once per instruction set: what max and average pooling share.
//
// All windows of a line whose taps lie inside the picture meet their cells at the same distances, so one vector runs
// over windows and channels together. That needs cells that follow one another as the windows do: where windows are
// `stride` cells apart, lines of few channels are first split into `stride` phases (cells 0, s, 2s … / 1, s+1, …), a
// copy in a cache; lines of many channels are taken window by window. The few windows that reach into the padding have
// their taps searched one by one.
#if defined(MIEN_KERNELS_CPU_POOL_LINES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MIEN_KERNELS_CPU_POOL_LINES_INL_H
#undef MIEN_KERNELS_CPU_POOL_LINES_INL_H
#else
#define MIEN_KERNELS_CPU_POOL_LINES_INL_H
#endif

#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/pool_window.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// From this many channels on, vectors run over the channels of one window alone.
inline constexpr int channels_of_one_window = 16;

/// A tap, and the offset of the cell (forward) or the window (backward) that it meets.
struct Meeting {
  std::int32_t tap;
  std::int64_t offset;
};

/// Room for the taps of one window; each thread's own, one for each `Owner`.
template <class Owner = Meeting>
Meeting* meetings(const Pool2dGeometry& g) {
  static thread_local std::vector<Meeting> storage;
  const std::size_t size = static_cast<std::size_t>(g.height.kernel) * static_cast<std::size_t>(g.width.kernel);
  if (storage.size() < size) storage.resize(size);
  return storage.data();
}

/// The phases of a line: cell x of the picture is place `j` of phase `k`, where x + padding = j * stride + k.
struct Phases {
  explicit Phases(const Pool2dGeometry& g)
      : axis(g.width), channels(g.channels), places((axis.input + axis.padding_begin - 1) / axis.stride + 1) {}

  const WindowAxis& axis;
  std::int64_t channels, places;

  std::int64_t size() const { return places * axis.stride * channels; }
  /// Where phase k starts in the memory of a split line.
  std::int64_t start(int k) const { return k * places * channels; }
  /// The first place of phase k that is a cell of the picture, and the one behind the last.
  int first(int k) const {
    return k < axis.padding_begin ? (axis.padding_begin - k + axis.stride - 1) / axis.stride : 0;
  }
  int last(int k) const { return (axis.input + axis.padding_begin - k + axis.stride - 1) / axis.stride; }
  std::int64_t cell(int k, int j) const { return std::int64_t{j} * axis.stride + k - axis.padding_begin; }
};

/// `count` groups of `channels` neighbours, from_step and to_step apart.
HWY_INLINE void copy_groups(const float* from, std::int64_t from_step, float* to, std::int64_t to_step,
                            std::int64_t count, std::int64_t channels) {
  const auto in_vectors = [=](auto d, std::int64_t lanes) HWY_ATTR {
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t c = 0; c < channels; c += lanes) {
        const std::int64_t place = std::min(c, channels - lanes);  // the last vector of a group may overlap another
        hn::StoreU(hn::LoadU(d, from + i * from_step + place), d, to + i * to_step + place);
      }
  };
  const hn::CappedTag<float, 8> eight;
  const hn::CappedTag<float, 4> four;
  if (channels >= 8 && hn::Lanes(eight) == 8)
    in_vectors(eight, 8);
  else if (channels >= 4 && hn::Lanes(four) == 4)
    in_vectors(four, 4);
  else
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t c = 0; c < channels; ++c) to[i * to_step + c] = from[i * from_step + c];
}

/// Splits a line of the picture into its phases.
HWY_INLINE void split_line(const Phases& phases, const float* line, float* split) {
  const std::int64_t channels = phases.channels, step = phases.axis.stride * channels;
  int done = 0;  // places of each phase that are copied
#if HWY_TARGET != HWY_SCALAR
  if (step == 2 && channels == 1 && phases.axis.padding_begin == 0) {
    const hn::ScalableTag<float> d;
    const int lanes = static_cast<int>(hn::Lanes(d)), whole = phases.axis.input / 2;
    for (; done + lanes <= whole; done += lanes) {
      hn::Vec<decltype(d)> even, odd;
      hn::LoadInterleaved2(d, line + 2 * done, even, odd);
      hn::StoreU(even, d, split + done);
      hn::StoreU(odd, d, split + phases.start(1) + done);
    }
  }
#endif
  for (int k = 0; k < phases.axis.stride; ++k) {
    const int first = std::max(phases.first(k), done);
    copy_groups(line + phases.cell(k, first) * channels, step, split + phases.start(k) + first * channels, channels,
                phases.last(k) - first, channels);
  }
}

/// The way back: the phases together are the line.
HWY_INLINE void join_line(const Phases& phases, const float* split, float* line) {
  const std::int64_t channels = phases.channels, step = phases.axis.stride * channels;
  int done = 0;  // places of each phase that are copied
#if HWY_TARGET != HWY_SCALAR
  if (step == 2 && channels == 1 && phases.axis.padding_begin == 0) {
    const hn::ScalableTag<float> d;
    const int lanes = static_cast<int>(hn::Lanes(d)), whole = phases.axis.input / 2;
    for (; done + lanes <= whole; done += lanes)
      hn::StoreInterleaved2(hn::LoadU(d, split + done), hn::LoadU(d, split + phases.start(1) + done), d,
                            line + 2 * done);
  }
#endif
  for (int k = 0; k < phases.axis.stride; ++k) {
    const int first = std::max(phases.first(k), done);
    copy_groups(split + phases.start(k) + first * channels, channels, line + phases.cell(k, first) * channels, step,
                phases.last(k) - first, channels);
  }
}

/// The windows of a line all of whose taps lie inside the picture, from left and right.
struct WholeWindows {
  explicit WholeWindows(const WindowAxis& axis) {
    first = std::min(axis.output, (axis.padding_begin + axis.stride - 1) / axis.stride);
    const int room = axis.input + axis.padding_begin - axis.extent();
    last = room < 0 ? first : std::clamp(room / axis.stride + 1, first, axis.output);
  }
  int first, last;
};

/// Calls reduce(cells, taps, count, begin, end, place) for what makes up one line of the result: element place + i of
/// it, i in begin … end-1, is the pool of cells[taps[t].offset + i] over the `count` taps, in their order. count is 0
/// for a window that lies in the padding alone. `Owner`: whose scratch to use.
template <class Owner, class Reduce>
HWY_INLINE void pool_line(const float* picture, const Pool2dGeometry& g, int row, std::int64_t place,
                          const Reduce& reduce) {
  const WholeWindows whole(g.width);
  const int stride = g.width.stride, channels = g.channels;
  Meeting* const taps = meetings(g);
  const auto search = [&](int column) HWY_ATTR {
    int count = 0;
    for_each_cell(g, row, column, [&](int tap, std::int64_t cell) { taps[count++] = {tap, cell}; });
    reduce(picture, taps, count, 0, channels, place + std::int64_t{column} * channels);
  };
  for (int column = 0; column < whole.first; ++column) search(column);
  if (whole.first < whole.last) {
    const bool is_split = stride > 1 && channels < channels_of_one_window;
    const Phases phases(g);
    float* const split = is_split ? thread_scratch<Owner>(g.height.kernel * phases.size()) : nullptr;
    int count = 0;
    for (int tap_row = 0; tap_row < g.height.kernel; ++tap_row) {
      const int y = g.height.cell(row, tap_row);
      if (!g.height.inside(y)) continue;
      const std::int64_t line = std::int64_t{y} * g.width.input * channels;
      if (is_split) split_line(phases, picture + line, split + tap_row * phases.size());
      for (int tap = 0; tap < g.width.kernel; ++tap) {
        const int distance = tap * g.width.dilation;
        const std::int64_t offset =
            is_split ? tap_row * phases.size() + phases.start(distance % stride) + distance / stride * channels
                     : line + (distance - g.width.padding_begin) * channels;
        taps[count++] = {tap_row * g.width.kernel + tap, offset};
      }
    }
    if (is_split || stride == 1) {
      const float* const cells = is_split ? split : picture;
      reduce(cells, taps, count, std::int64_t{whole.first} * channels, std::int64_t{whole.last} * channels, place);
    } else {
      for (std::int64_t column = whole.first; column < whole.last; ++column)
        reduce(picture + column * stride * channels, taps, count, 0, channels, place + column * channels);
    }
  }
  for (int column = whole.last; column < g.width.output; ++column) search(column);
}

/// One line of the picture's gradient: each cell gets the sum of term(d, place, tap) over the windows that have tap
/// `tap` on it, in the order of the taps. `place` is the window's offset in its picture's output.
template <class Owner, class Term>
HWY_INLINE void spread_line(const Pool2dGeometry& g, int row, float* dx, const Term& term) {
  const Phases phases(g);
  const int stride = g.width.stride, channels = g.channels, kernel = g.width.kernel;
  const std::int64_t y_line = std::int64_t{g.width.output} * channels;
  Meeting* const windows = meetings(g);
  // The lines of windows that have a tap on this row: tap is the first of the tap's row.
  const auto find_lines = [&](Meeting* lines) {
    int count = 0;
    for (int tap_row = 0; tap_row < g.height.kernel; ++tap_row)
      if (const int line = position_over(g.height, row, tap_row); line >= 0)
        lines[count++] = {tap_row * kernel, line * y_line};
    return count;
  };
  if (channels >= channels_of_one_window) {
    struct Lines;
    Meeting* const lines = meetings<Lines>(g);
    const int line_count = find_lines(lines);
    for (int x = 0, k = g.width.padding_begin % stride, j = g.width.padding_begin / stride; x < g.width.input; ++x) {
      int count = 0;
      for (int line = 0; line < line_count; ++line)
        for (int tap = 0, tap_k = 0, column = j; tap < kernel; ++tap) {
          if (tap_k == k && column >= 0 && column < g.width.output)
            windows[count++] = {lines[line].tap + tap, lines[line].offset + std::int64_t{column} * channels};
          for (tap_k += g.width.dilation; tap_k >= stride; tap_k -= stride) --column;
        }
      for_each_vector(0, channels, [&](auto d, std::int64_t c) HWY_ATTR {
        auto sum = hn::Zero(d);
        for (int i = 0; i < count; ++i) sum = hn::Add(sum, term(d, windows[i].offset + c, windows[i].tap));
        hn::StoreU(sum, d, dx + std::int64_t{x} * channels + c);
      });
      if (++k == stride) k = 0, ++j;
    }
    return;
  }
  const bool is_split = stride > 1;
  float* const split = is_split ? thread_scratch<Owner>(phases.size()) : dx;
  std::fill_n(split, is_split ? phases.size() : std::int64_t{g.width.input} * channels, 0.0f);
  const int line_count = find_lines(windows);
  for (const Meeting* line = windows; line < windows + line_count; ++line)
    for (int tap = 0; tap < kernel; ++tap) {
      const int distance = tap * g.width.dilation, k = distance % stride, shift = distance / stride;
      // Windows whose tap lies on a cell of this phase that the picture has.
      const std::int64_t first = std::max(0, phases.first(k) - shift);
      const std::int64_t last = std::min(g.width.output, phases.last(k) - shift);
      float* const to =
          split + (is_split ? phases.start(k) + shift * channels : (distance - g.width.padding_begin) * channels);
      for_each_vector(first * channels, last * channels, [&](auto d, std::int64_t i) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, to + i), term(d, line->offset + i, line->tap + tap)), d, to + i);
      });
    }
  if (is_split) join_line(phases, split, dx);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_POOL_LINES_INL_H
