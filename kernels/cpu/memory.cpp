// Memory of the CPU backend: aligned blocks of the heap, and copies, which are plain here because host and device are
// one.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/error.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void allocate(std::size_t bytes, void** block) {
  constexpr std::size_t line = 64, page = std::size_t{2} << 20;
  constexpr std::size_t address_space = std::size_t{1} << 47;  // of an x86-64 process
  // A block of several large pages asks for such: with 4 KB ones, walking it misses the translation buffer all the
  // time.
  const bool is_large = bytes >= 2 * page;
  const std::size_t alignment = is_large ? page : line;
  *block = bytes > address_space
               ? nullptr
               : std::aligned_alloc(alignment, std::max(line, (bytes + alignment - 1) / alignment * alignment));
  check(*block != nullptr, "memory", "the CPU has no block of ", bytes, " bytes to give.");
  if (is_large) madvise(*block, bytes, MADV_HUGEPAGE);  // advice: where it is not taken, all works as before
}

void release(void* block) { std::free(block); }

void copy_from_host(const void* host, void* device, std::size_t bytes) {
  if (bytes > 0) std::memcpy(device, host, bytes);
}

void copy_to_host(const void* device, void* host, std::size_t bytes) {
  if (bytes > 0) std::memcpy(host, device, bytes);
}

void copy(const void* from, void* to, std::size_t bytes) {
  constexpr std::int64_t block = std::int64_t{1} << 20;
  parallel_blocks(static_cast<std::int64_t>(bytes), block, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin,
                static_cast<std::size_t>(end - begin));
  });
}

void fill(View<float> y, float value) {
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y.data[i] = value;
  });
}

}  // namespace mien::kernels::cpu
