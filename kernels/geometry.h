// Geometry: one struct of named numbers for each op, and the only shape arithmetic in the library.
// Images are NHWC (batch, height, width, channels), row-major; convolution weights (kh, kw, in / groups, out).
#pragma once

#include <cstdint>

#include "mien/kernels/scalar.h"

namespace mien {

/// One spatial axis of a sliding window (convolution or pooling).
struct WindowAxis {
  int input = 1;          ///< cells of the input
  int output = 1;         ///< positions of the window
  int kernel = 1;         ///< taps of the window
  int stride = 1;         ///< cells between neighbouring positions
  int dilation = 1;       ///< cells between neighbouring taps
  int padding_begin = 0;  ///< cells added before the first
  int padding_end = 0;    ///< cells added after the last

  /// Cells from the first tap to the last, both counted.
  MIEN_HOST_DEVICE constexpr int extent() const { return (kernel - 1) * dilation + 1; }
  /// The input cell under tap `tap` at position `position`; outside 0 … input-1 where it falls on padding.
  MIEN_HOST_DEVICE constexpr int cell(int position, int tap) const {
    return position * stride - padding_begin + tap * dilation;
  }
  MIEN_HOST_DEVICE constexpr bool inside(int cell) const { return cell >= 0 && cell < input; }
};

/// What padding to put round the input of a sliding window.
enum class Padding : std::uint8_t {
  valid,           ///< none: the window stays inside
  same,            ///< Keras's: output = ceil(input / stride), the odd cell goes to the end
  explicit_cells,  ///< as many cells as the options say, each side its own number
};

/// Completes an axis: fills output and the padding from input, kernel, stride, dilation. With `explicit_cells` the
/// padding given in the axis is kept. `output` is 0 or less where the window does not fit (the caller reports it).
constexpr WindowAxis window_axis(WindowAxis axis, Padding padding) {
  if (padding == Padding::same) {
    axis.output = (axis.input + axis.stride - 1) / axis.stride;
    const int needed = (axis.output - 1) * axis.stride + axis.extent() - axis.input;
    axis.padding_begin = needed > 0 ? needed / 2 : 0;
    axis.padding_end = needed > 0 ? needed - needed / 2 : 0;
    return axis;
  }
  if (padding == Padding::valid) axis.padding_begin = axis.padding_end = 0;
  const int room = axis.input + axis.padding_begin + axis.padding_end - axis.extent();
  axis.output = room < 0 ? 0 : room / axis.stride + 1;
  return axis;
}

/// y = pool(activation(convolution(x, w) + bias)); the parts of the epilogue that are not wanted are absent.
struct Conv2dGeometry {
  int batch = 1;
  WindowAxis height, width;  ///< of the convolution itself
  int in_channels = 1, out_channels = 1;
  int groups = 1;         ///< depthwise: groups = in_channels
  bool bias = false;      ///< adds a bias per output channel
  Activation activation;  ///< applied after the bias
  bool pool = false;      ///< then takes the maximum of each whole 2x2 block (stride 2, no padding, as Keras "valid")

  constexpr int in_per_group() const { return in_channels / groups; }
  constexpr int out_per_group() const { return out_channels / groups; }
  /// Height and width of y: half the convolution's (rounded down) with the pool.
  MIEN_HOST_DEVICE constexpr int y_height() const { return pool ? height.output / 2 : height.output; }
  MIEN_HOST_DEVICE constexpr int y_width() const { return pool ? width.output / 2 : width.output; }
  constexpr std::int64_t x_size() const { return std::int64_t{batch} * height.input * width.input * in_channels; }
  constexpr std::int64_t w_size() const {
    return std::int64_t{height.kernel} * width.kernel * in_per_group() * out_channels;
  }
  /// Elements of the convolution's own output, before the pool.
  constexpr std::int64_t convolution_size() const {
    return std::int64_t{batch} * height.output * width.output * out_channels;
  }
  constexpr std::int64_t y_size() const { return std::int64_t{batch} * y_height() * y_width() * out_channels; }
  /// The one kernel with shortcuts: 3x3, stride 1, not dilated, every input channel seen by every output channel.
  constexpr bool is_plain_3x3() const {
    const auto plain = [](const WindowAxis& axis) {
      return axis.kernel == 3 && axis.stride == 1 && axis.dilation == 1;
    };
    return groups == 1 && plain(height) && plain(width);
  }
  /// Multiply-adds of the dense algorithm.
  constexpr std::int64_t multiply_adds() const {
    return convolution_size() * height.kernel * width.kernel * in_per_group();
  }
};

/// Value of the argmax byte of a fused pool whose maximum was killed by the activation: no gradient passes. Otherwise
/// the byte is the place of the first maximum in its 2x2 block: 2 * row + column.
inline constexpr std::uint8_t argmax_killed = 4;

/// Pooling over windows, each channel for itself.
struct Pool2dGeometry {
  int batch = 1;
  WindowAxis height, width;
  int channels = 1;

  constexpr std::int64_t x_size() const { return std::int64_t{batch} * height.input * width.input * channels; }
  constexpr std::int64_t y_size() const { return std::int64_t{batch} * height.output * width.output * channels; }
};

/// c (m, n) = op(a) (m, k) · op(b) (k, n), row-major; op transposes where asked: a is stored (k, m), b (n, k) then.
struct MatmulGeometry {
  int m = 1, n = 1, k = 1;
  bool transpose_a = false, transpose_b = false;
};

/// y (rows, out) = activation(x (rows, in) · w (in, out) + bias).
struct DenseGeometry {
  int rows = 1, in = 1, out = 1;
  bool bias = false;
  Activation activation;
};

/// Rows of `channels` neighbouring values: what batch normalisation, softmax and the losses work on.
struct RowsGeometry {
  std::int64_t rows = 1;
  int channels = 1;
  constexpr std::int64_t size() const { return rows * channels; }
};

/// Most axes that an element-wise op or a reduction distinguishes, after merging neighbours that behave alike.
inline constexpr int max_broadcast_axes = 6;

/// Two arrays walked together over the axes of the larger: `extent` of each axis (outermost first), and how far each
/// operand moves in memory along it (0 where the operand is repeated). Result elements are contiguous.
struct BroadcastGeometry {
  int axes = 1;
  std::int64_t extent[max_broadcast_axes] = {1, 1, 1, 1, 1, 1};
  std::int64_t a_stride[max_broadcast_axes] = {};
  std::int64_t b_stride[max_broadcast_axes] = {};

  MIEN_HOST_DEVICE constexpr std::int64_t size() const {
    std::int64_t product = 1;
    for (int i = 0; i < axes; ++i) product *= extent[i];
    return product;
  }
  /// Offsets into a and b of result element `index`.
  MIEN_HOST_DEVICE constexpr void offsets(std::int64_t index, std::int64_t& a, std::int64_t& b) const {
    a = b = 0;
    for (int i = axes - 1; i >= 0; --i) {
      const std::int64_t place = index % extent[i];
      index /= extent[i];
      a += place * a_stride[i];
      b += place * b_stride[i];
    }
  }
};

enum class BinaryKind : std::uint8_t { add, subtract, multiply };

MIEN_HOST_DEVICE inline float apply_binary(BinaryKind kind, float a, float b) {
  return kind == BinaryKind::add ? a + b : kind == BinaryKind::subtract ? a - b : a * b;
}

/// A sum over some axes: x has `axes` axes (outermost first), of which `reduced` are summed away, y the others, both
/// contiguous. y = scale * sum. The adjoint, which repeats y along the reduced axes, uses the same struct.
struct ReduceGeometry {
  int axes = 1;
  std::int64_t extent[max_broadcast_axes] = {1, 1, 1, 1, 1, 1};
  bool reduced[max_broadcast_axes] = {};
  float scale = 1.0f;

  MIEN_HOST_DEVICE constexpr std::int64_t product(bool over_reduced) const {
    std::int64_t result = 1;
    for (int i = 0; i < axes; ++i)
      if (reduced[i] == over_reduced) result *= extent[i];
    return result;
  }
  constexpr std::int64_t x_size() const { return product(true) * product(false); }
  constexpr std::int64_t y_size() const { return product(false); }
  /// Offset in x of the element that kept index `kept` (of y) and summed index `summed` meet in.
  MIEN_HOST_DEVICE constexpr std::int64_t x_offset(std::int64_t kept, std::int64_t summed) const {
    std::int64_t offset = 0, stride = 1;
    for (int i = axes - 1; i >= 0; --i) {
      std::int64_t& from = reduced[i] ? summed : kept;
      offset += from % extent[i] * stride;
      from /= extent[i];
      stride *= extent[i];
    }
    return offset;
  }
};

/// A band of a wider array: `outer` runs, each of `inner` elements, that lie at `offset` in runs of `wide` elements.
/// Concatenation writes bands, its gradient reads them.
struct BandGeometry {
  std::int64_t outer = 1, inner = 1, wide = 1, offset = 0;
};

/// Zeros round the height and width of an image batch.
struct Pad2dGeometry {
  int batch = 1, height = 1, width = 1, channels = 1;  ///< of x
  int top = 0, bottom = 0, left = 0, right = 0;

  MIEN_HOST_DEVICE constexpr int y_height() const { return height + top + bottom; }
  MIEN_HOST_DEVICE constexpr int y_width() const { return width + left + right; }
  constexpr std::int64_t x_size() const { return std::int64_t{batch} * height * width * channels; }
  constexpr std::int64_t y_size() const { return std::int64_t{batch} * y_height() * y_width() * channels; }
};

/// Each pixel of x repeated over a block of `rows` x `columns` pixels of y.
struct UpSampling2dGeometry {
  int batch = 1, height = 1, width = 1, channels = 1;  ///< of x
  int rows = 2, columns = 2;

  MIEN_HOST_DEVICE constexpr int y_height() const { return height * rows; }
  MIEN_HOST_DEVICE constexpr int y_width() const { return width * columns; }
  constexpr std::int64_t x_size() const { return std::int64_t{batch} * height * width * channels; }
  constexpr std::int64_t y_size() const { return x_size() * rows * columns; }
};

/// Inverted dropout: an element is dropped where its uniform number is under `rate`; what stays is scaled by
/// 1 / (1 - rate). The uniform of element i is Philox(seed, stream + step, i).
struct DropoutGeometry {
  float rate = 0.5f;
  std::uint64_t seed = 0, stream = 0;
};

}  // namespace mien
