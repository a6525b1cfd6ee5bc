#include "mien/kernels/cuda/async_copies.h"

#include <cstdint>
#include <cstring>

#include "mien/kernels/error.h"

namespace mien::kernels::emulated {

void AsyncCopies::start(void* shared, const void* global, std::size_t bytes) {
  for (const void* address : {static_cast<const void*>(shared), global})
    check(reinterpret_cast<std::uintptr_t>(address) % bytes == 0, "cp.async", "a copy of ", bytes,
          " bytes needs addresses that are multiples of ", bytes, ".");
  std::memset(shared, 0xFF, bytes);
  copies_.push_back({shared, global, bytes});
}

void AsyncCopies::commit() {
  group_sizes_.push_back(copies_.size() - grouped_);
  grouped_ = copies_.size();
}

void AsyncCopies::wait(std::size_t newest) {
  if (group_sizes_.size() <= newest) return;
  const auto groups = static_cast<std::ptrdiff_t>(group_sizes_.size() - newest);
  std::ptrdiff_t arriving = 0;
  for (std::ptrdiff_t i = 0; i < groups; ++i)
    arriving += static_cast<std::ptrdiff_t>(group_sizes_[static_cast<std::size_t>(i)]);
  for (std::ptrdiff_t i = 0; i < arriving; ++i) {
    const Copy& copy = copies_[static_cast<std::size_t>(i)];
    if (copy.global)
      std::memcpy(copy.shared, copy.global, copy.bytes);
    else
      std::memset(copy.shared, 0, copy.bytes);
  }
  copies_.erase(copies_.begin(), copies_.begin() + arriving);
  group_sizes_.erase(group_sizes_.begin(), group_sizes_.begin() + groups);
  grouped_ -= static_cast<std::size_t>(arriving);
}

}  // namespace mien::kernels::emulated
