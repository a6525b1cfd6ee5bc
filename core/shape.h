// A shape: the length of each axis, outermost first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <string>

#include "mien/kernels/error.h"

namespace mien {

/// Up to six axes. Shape{} is a scalar: no axes, one element.
class Shape {
 public:
  static constexpr int max_rank = 6;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> lengths) {
    for (std::int64_t length : lengths) append(length);
  }

  int rank() const { return rank_; }

  /// Length of an axis; negative axes count from the end: shape[-1] is the last.
  std::int64_t operator[](int axis) const {
    check(axis >= -rank_ && axis < rank_, "shape", "axis ", axis, " is not one of the ", rank_, " axes of ", *this,
          ".");
    return lengths_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)];
  }

  /// Elements: the product of the lengths.
  std::int64_t size() const {
    std::int64_t product = 1;
    for (std::int64_t length : *this) product *= length;
    return product;
  }

  /// Adds an axis at the end. Lengths are at least 0, and all together at most 2^62 elements.
  void append(std::int64_t length) {
    check(rank_ < max_rank, "shape", "a tensor has at most ", max_rank, " axes.");
    check(length >= 0 && (length == 0 || size() <= (std::int64_t{1} << 62) / length), "shape",
          "lengths must be at least 0, their product at most 2^62. Got ", length, " after ", *this, ".");
    lengths_[static_cast<std::size_t>(rank_++)] = length;
  }

  /// This shape with another length on one axis.
  Shape with(int axis, std::int64_t length) const {
    (*this)[axis];
    Shape result;
    for (int i = 0; i < rank_; ++i) result.append(i == (axis < 0 ? axis + rank_ : axis) ? length : (*this)[i]);
    return result;
  }

  /// The axes from `axis` on: of (2,8,8,3), from(1) is (8,8,3).
  Shape from(int axis) const {
    Shape result;
    for (int i = axis; i < rank_; ++i) result.append((*this)[i]);
    return result;
  }

  /// This shape behind a new first axis: of (8,8,3), with_batch(2) is (2,8,8,3).
  Shape with_batch(std::int64_t batch) const {
    Shape result{batch};
    for (std::int64_t length : *this) result.append(length);
    return result;
  }

  const std::int64_t* begin() const { return lengths_.data(); }
  const std::int64_t* end() const { return lengths_.data() + rank_; }

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

  /// Written as (2,8,8,3).
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    out << '(';
    for (int i = 0; i < shape.rank_; ++i) out << (i ? "," : "") << shape.lengths_[static_cast<std::size_t>(i)];
    return out << ')';
  }

 private:
  std::array<std::int64_t, max_rank> lengths_{};
  int rank_ = 0;
};

}  // namespace mien
