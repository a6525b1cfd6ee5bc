// Device memory for the partial results of a kernel that works in stages.
#pragma once

#include <cstdint>
#include <mutex>

#include "mien/kernels/cuda/launch.h"
#include "mien/kernels/view.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

/// A piece of device memory while it is in scope; pieces nest. It is cut from a block that is kept from call to call,
/// so a step of fixed shape allocates nothing after its first run. Everything goes through one stream: the stages of
/// one call end before the next call's begin, as long as no other thread starts work in between, so an owner holds a
/// lock.
class Scratch {
 public:
  explicit Scratch(std::int64_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// The piece as `count` elements of type T.
  template <class T>
  View<T> view(std::int64_t count) const {
    return {static_cast<T*>(piece_), count};
  }

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  std::int64_t bytes_;
  void* piece_ = nullptr;
};

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
