// A view: a pointer and how many elements stand behind it. All that a kernel knows of a tensor; the shape comes with
// the op's geometry (geometry.h).
#pragma once

#include <cstdint>
#include <type_traits>

#include "mien/kernels/scalar.h"

namespace mien {

/// Which element is asked for, and where in the source: made of any integer that stands between the brackets.
struct ViewIndex {
  std::int64_t value;
  const char* file;
  int line;
  MIEN_HOST_DEVICE constexpr ViewIndex(std::int64_t value, const char* file = __builtin_FILE(),
                                       int line = __builtin_LINE())
      : value(value), file(file), line(line) {}
};

/// Throws Error: element `index` of a view of `size` elements was asked for.
[[noreturn]] void fail_outside_view(ViewIndex index, std::int64_t size);

/// `size` elements of type T at `data`. Does not own them. An empty view stands for an argument that is not there
/// (no bias, a gradient that nobody needs).
template <class T>
struct View {
  T* data = nullptr;
  std::int64_t size = 0;

  MIEN_HOST_DEVICE bool empty() const { return size == 0; }

  /// Element `index`. Checked on the host, and so for every emulated CUDA thread; unchecked on a GPU. Inner loops of
  /// the CPU kernels take `data` after checking their range once.
  MIEN_HOST_DEVICE T& operator[](ViewIndex index) const {
#if !defined(__CUDA_ARCH__)
    if (index.value < 0 || index.value >= size) [[unlikely]]
      fail_outside_view(index, size);
#endif
    return data[index.value];
  }

  template <class Const>
  requires(!std::is_const_v<T> && std::is_same_v<Const, const T>) MIEN_HOST_DEVICE operator View<Const>() const {
    return {data, size};
  }
};

}  // namespace mien
