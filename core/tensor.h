// A tensor: a shape, a dtype, and one contiguous block of memory on one device. No strides; the only views are
// reshapes and slices of the first axis. Copying a Tensor copies the handle, not the numbers.
//
// A tensor may stand in a graph of recorded ops (autograd.h): then backward() can find the gradient of a loss with
// respect to it.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <vector>

#include "mien/core/device.h"
#include "mien/core/shape.h"
#include "mien/core/storage.h"
#include "mien/kernels/view.h"

namespace mien {

struct Node;  // a recorded op: autograd.h

/// Type of an element. Images stay uint8 until they reach the device; labels are int32.
enum class DType : std::uint8_t { float32, int32, uint8 };
std::string_view name(DType dtype);
std::ostream& operator<<(std::ostream& out, DType dtype);
std::size_t size_of(DType dtype);  ///< bytes of an element

template <class T>
constexpr DType dtype_of = [] {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::uint8_t>);
  return std::is_same_v<T, float> ? DType::float32 : std::is_same_v<T, std::int32_t> ? DType::int32 : DType::uint8;
}();

class Tensor {
 public:
  /// No tensor at all: an argument that is not there. Its views are empty.
  Tensor() = default;

  /// Uninitialised memory of this shape.
  static Tensor empty(const Shape& shape, Device device = Device::cpu, DType dtype = DType::float32);
  static Tensor full(const Shape& shape, float value, Device device = Device::cpu);
  static Tensor zeros(const Shape& shape, Device device = Device::cpu) { return full(shape, 0, device); }
  static Tensor ones(const Shape& shape, Device device = Device::cpu) { return full(shape, 1, device); }
  /// A copy of the values, row-major; as many as the shape has elements.
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape, Device device = Device::cpu) {
    return from_host(values.data(), values.size(), dtype_of<T>, shape, device);
  }

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const;  ///< of a tensor that is there
  std::int64_t size() const { return defined() ? shape_.size() : 0; }

  /// The elements, for kernels. T must be the dtype; an absent tensor gives an empty view. On the CPU `view()[i]` is
  /// element i; on a GPU the host must not touch it.
  template <class T = float>
  View<T> view() {
    return {static_cast<T*>(data(dtype_of<T>)), size()};
  }
  template <class T = float>
  View<const T> view() const {
    return {static_cast<const T*>(data(dtype_of<T>)), size()};
  }

  /// A copy on the host; waits for the device.
  template <class T = float>
  std::vector<T> to_vector() const {
    std::vector<T> values(static_cast<std::size_t>(size()));
    copy_to_host(values.data(), dtype_of<T>);
    return values;
  }
  /// The value of a float32 tensor with one element.
  float item() const;

  /// The same numbers on another device (the tensor itself where it is there already). Not recorded.
  Tensor to(Device device) const;
  /// A copy of its own. Not recorded.
  Tensor clone() const;
  /// Overwrites this tensor's numbers with those of another of the same shape and dtype, on any device.
  void copy_from(const Tensor& other);
  /// Overwrites this tensor's numbers with `count` host values of the dtype.
  void copy_from_host(const void* values, std::size_t count, DType dtype);

  /// The same memory under another shape of the same size. Not recorded: the op is reshape() (ops/reshape.h).
  Tensor with_shape(const Shape& shape) const;
  /// Rows begin … end-1 of the first axis, in the same memory. Not recorded.
  Tensor slice(std::int64_t begin, std::int64_t end) const;

  /// The same numbers outside any graph.
  Tensor detach() const;
  /// Makes this a leaf that gradients are kept for (a parameter), or no longer one.
  void set_requires_grad(bool on);
  bool requires_grad() const { return node_ != nullptr; }
  /// The gradient that backward() left at this leaf; absent before.
  Tensor grad() const;
  void clear_grad();

  const std::shared_ptr<Node>& node() const { return node_; }
  void set_node(std::shared_ptr<Node> node) { node_ = std::move(node); }

 private:
  static Tensor from_host(const void* values, std::size_t count, DType dtype, const Shape& shape, Device device);
  void* data(DType expected) const;
  void copy_to_host(void* values, DType expected) const;

  Shape shape_;
  DType dtype_ = DType::float32;
  std::shared_ptr<Storage> storage_;
  std::size_t offset_ = 0;  // bytes into the storage
  std::shared_ptr<Node> node_;
};

}  // namespace mien
