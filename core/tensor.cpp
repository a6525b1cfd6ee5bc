#include "mien/core/tensor.h"

#include "mien/core/autograd.h"

namespace mien {

std::string_view name(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::int32:
      return "int32";
    case DType::uint8:
      return "uint8";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name(dtype); }

std::size_t size_of(DType dtype) { return dtype == DType::uint8 ? 1 : 4; }

Tensor Tensor::empty(const Shape& shape, Device device, DType dtype) {
  Tensor tensor;
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  tensor.storage_ = std::make_shared<Storage>(static_cast<std::size_t>(shape.size()) * size_of(dtype), device);
  return tensor;
}

Tensor Tensor::full(const Shape& shape, float value, Device device) {
  Tensor tensor = empty(shape, device);
  kernels::fill(device)(tensor.view(), value);
  return tensor;
}

Tensor Tensor::from_host(const void* values, std::size_t count, DType dtype, const Shape& shape, Device device) {
  Tensor tensor = empty(shape, device, dtype);
  tensor.copy_from_host(values, count, dtype);
  return tensor;
}

Device Tensor::device() const {
  check(defined(), "tensor", "an absent tensor is on no device.");
  return storage_->device();
}

void* Tensor::data(DType expected) const {
  if (!defined()) return nullptr;
  check(dtype_ == expected, "tensor", "a view of ", expected, " was asked for, the tensor is ", dtype_, ", shape ",
        shape_, ".");
  return static_cast<std::byte*>(storage_->data()) + offset_;
}

void Tensor::copy_to_host(void* values, DType expected) const {
  if (size() == 0) return;
  kernels::copy_to_host(device())(data(expected), values, static_cast<std::size_t>(size()) * size_of(dtype_));
}

float Tensor::item() const {
  check(size() == 1, "tensor", "item() needs exactly one element. Got shape ", shape_, ".");
  return to_vector<float>()[0];
}

Tensor Tensor::to(Device device) const {
  if (!defined() || storage_->device() == device) return *this;
  Tensor copy = empty(shape_, device, dtype_);
  copy.copy_from(*this);
  return copy;
}

Tensor Tensor::clone() const {
  Tensor copy = empty(shape_, device(), dtype_);
  copy.copy_from(*this);
  return copy;
}

void Tensor::copy_from(const Tensor& other) {
  check(defined() && other.defined() && shape_ == other.shape_ && dtype_ == other.dtype_, "tensor",
        "a copy needs the same shape and dtype on both sides. Got ", other.dtype_, other.shape_, " for ", dtype_,
        shape_, ".");
  const std::size_t bytes = static_cast<std::size_t>(size()) * size_of(dtype_);
  if (bytes == 0) return;
  void *to = data(dtype_), *from = other.data(dtype_);
  if (device() == other.device()) return kernels::copy(device())(from, to, bytes);
  if (other.device() == Device::cpu) return kernels::copy_from_host(device())(from, to, bytes);
  if (device() == Device::cpu) return kernels::copy_to_host(other.device())(from, to, bytes);
  copy_from(other.to(Device::cpu));
}

void Tensor::copy_from_host(const void* values, std::size_t count, DType dtype) {
  check(dtype == dtype_ && count == static_cast<std::size_t>(size()), "tensor", "shape ", shape_, " of ", dtype_,
        " takes ", size(), " values. Got ", count, " of ", dtype, ".");
  if (count > 0) kernels::copy_from_host(device())(values, data(dtype), count * size_of(dtype));
}

Tensor Tensor::with_shape(const Shape& shape) const {
  check(defined() && shape.size() == size(), "reshape", "both shapes must have as many elements. Got ", shape_, " and ",
        shape, ".");
  Tensor result = detach();
  result.shape_ = shape;
  return result;
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t end) const {
  check(defined() && shape_.rank() > 0 && begin >= 0 && begin <= end && end <= shape_[0], "slice",
        "rows must lie within the first axis. Got ", begin, " to ", end, " of ", shape_, ".");
  Tensor result = detach();
  result.shape_ = shape_.with(0, end - begin);
  result.offset_ += static_cast<std::size_t>(begin * (shape_[0] ? size() / shape_[0] : 0)) * size_of(dtype_);
  return result;
}

Tensor Tensor::detach() const {
  Tensor result = *this;
  result.node_.reset();
  return result;
}

void Tensor::set_requires_grad(bool on) {
  check(!on || (defined() && dtype_ == DType::float32), "tensor", "only float32 tensors have gradients.");
  if (!on) return node_.reset();
  if (!node_) node_ = make_leaf();
}

Tensor Tensor::grad() const { return node_ ? node_->gradient : Tensor(); }

void Tensor::clear_grad() {
  if (node_) node_->gradient = Tensor();
}

}  // namespace mien
