// Checks that ops share. The plain check() and fail() are in kernels/error.h; these know tensors.
#pragma once

#include <initializer_list>
#include <limits>

#include "mien/core/tensor.h"
#include "mien/kernels/error.h"

namespace mien {

/// `value` as int; throws where it does not fit (kernels count one axis, or one row, with int).
inline int narrow(std::int64_t value, const char* op) {
  check(value >= 0 && value <= std::numeric_limits<int>::max(), op, "an axis holds at most 2147483647. Got ", value,
        ".");
  return static_cast<int>(value);
}

/// Throws unless all tensors that are there are on one device.
inline void check_same_device(const char* op, std::initializer_list<const Tensor*> tensors) {
  const Tensor* first = nullptr;
  for (const Tensor* tensor : tensors) {
    if (!tensor->defined()) continue;
    if (!first) first = tensor;
    check(tensor->device() == first->device(), op, "all tensors must be on one device. Got ", first->device(), " and ",
          tensor->device(), ".");
  }
}

/// Throws unless the tensor is there, has this dtype and at least one element.
inline void check_dtype(const char* op, const char* role, const Tensor& tensor, DType dtype) {
  check(tensor.defined(), op, role, " is missing.");
  check(tensor.dtype() == dtype, op, role, " must be ", dtype, ". Got ", tensor.dtype(), ".");
  check(tensor.size() > 0, op, role, " has no elements. Got ", role, "=", tensor.shape(), ".");
}

/// Throws unless the tensor is there, float32, and has this many axes (-1: any number).
inline void check_float(const char* op, const char* role, const Tensor& tensor, int rank = -1) {
  check_dtype(op, role, tensor, DType::float32);
  check(rank < 0 || tensor.shape().rank() == rank, op, role, " must have ", rank, " axes. Got ", role, "=",
        tensor.shape(), ".");
}

}  // namespace mien
