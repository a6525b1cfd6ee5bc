// The two loops of resizing bytes (io/resize.cpp): along a row, and down the columns of a band of rows. In 8-bit fixed
// point: sums of bytes times weights of 22 fractional bits, rounded, shifted down and clipped.
#pragma once

#include <cstdint>
#include <vector>

namespace mien::kernels::cpu {

/// Bits of a weight behind the point: 32, less 8 of the byte and 2 for weights beyond 1 and below 0.
inline constexpr int resize_precision_bits = 22;

/// For each place of the output, the first place of the input and the weights from there on, made for vectors over the
/// outputs: weight k of all outputs lies beside one another. Build it with `add`, in the outputs' order.
class ResizeWeights {
 public:
  /// At most `most_taps` weights an output.
  ResizeWeights(int outputs, int most_taps);
  void add(int first, const std::vector<std::int32_t>& weights);

  int outputs() const { return outputs_; }
  int taps() const { return taps_; }  ///< of every output, a multiple of 4; those it lacks are 0
  const std::int32_t* first() const { return first_.data(); }
  const std::int32_t* weights(int tap) const { return weights_.data() + static_cast<std::size_t>(tap) * pitch_; }
  int count(int output) const { return counts_[static_cast<std::size_t>(output)]; }

 private:
  int outputs_, taps_;
  std::size_t pitch_;  // outputs in whole vectors
  std::vector<std::int32_t> first_, weights_, counts_;
};

/// to[i] = sum over k of from[first(i) + k] * weight k of i. `from` has taps() + 4 bytes that may be read behind the
/// row, `to` has room for whole vectors.
void resize_row(const std::uint8_t* from, std::uint8_t* to, const ResizeWeights& weights);

/// to[i] = sum over the rows k of output `output` of from[(first + k) * pitch + i] * weight k, for 0 <= i < size.
void resize_column(const std::uint8_t* from, std::int64_t pitch, std::uint8_t* to, std::int64_t size,
                   const ResizeWeights& weights, int output);

/// Bytes that `to` of resize_row must have room for.
std::size_t resize_row_room(int outputs);

}  // namespace mien::kernels::cpu
