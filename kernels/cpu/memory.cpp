// Memory of the CPU backend: aligned blocks of the heap, and copies, which are plain here because host and device are
// one.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/error.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

constexpr std::size_t cache_line = 64, large_page = std::size_t{2} << 20;
constexpr std::size_t address_space = std::size_t{1} << 47;  // of an x86-64 process

/// Memory in large pages: with 4 KB ones, walking it misses the translation buffer all the time.
void* large_pages(std::size_t bytes) {
  void* const block = std::aligned_alloc(large_page, (bytes + large_page - 1) / large_page * large_page);
  if (block) madvise(block, bytes, MADV_HUGEPAGE);  // advice: where it is not taken, all works as before
  return block;
}

/// Large pages shared by blocks that are too small to have some of their own: the weights of a network, say, which are
/// read once a picture and so are never found in the translation buffer. Blocks are cut off one after another; a
/// segment is given back when it has none left.
class Segments {
 public:
  static constexpr std::size_t smallest = std::size_t{4} << 10, largest = 2 * large_page, size = 8 * large_page;

  void* take(std::size_t bytes) {
    bytes = (bytes + cache_line - 1) / cache_line * cache_line;
    const std::lock_guard lock(mutex_);
    if (!current_ || segments_[current_].used + bytes > size) {
      void* const segment = large_pages(size);
      if (!segment) return nullptr;
      current_ = static_cast<char*>(segment);
      segments_[current_] = {};
    }
    Segment& segment = segments_[current_];
    void* const block = current_ + segment.used;
    segment.used += bytes;
    ++segment.blocks;
    return block;
  }

  /// Whether the block was one of these.
  bool give(void* block) {
    const std::lock_guard lock(mutex_);
    auto segment = segments_.upper_bound(static_cast<char*>(block));
    if (segment == segments_.begin() || (--segment)->first + size <= block) return false;
    if (--segment->second.blocks > 0) return true;
    if (segment->first == current_) current_ = nullptr;
    std::free(segment->first);
    segments_.erase(segment);
    return true;
  }

 private:
  struct Segment {
    std::size_t used = 0;
    int blocks = 0;
  };

  std::mutex mutex_;
  std::map<char*, Segment> segments_;
  char* current_ = nullptr;  ///< the one that blocks are cut from
};

/// Never destroyed: blocks with static lifetime may outlive any order we could choose.
Segments& segments() {
  static Segments* const all = new Segments;
  return *all;
}

/// The address sanitizer sees where a block ends only if it is a block of the heap.
#ifdef __SANITIZE_ADDRESS__
constexpr bool shares_pages = false;
#else
constexpr bool shares_pages = true;
#endif

}  // namespace

void allocate(std::size_t bytes, void** block) {
  if (bytes > address_space)
    *block = nullptr;
  else if (bytes >= Segments::largest)
    *block = large_pages(bytes);
  else if (shares_pages && bytes >= Segments::smallest)
    *block = segments().take(bytes);
  else
    *block = std::aligned_alloc(cache_line, std::max(cache_line, (bytes + cache_line - 1) / cache_line * cache_line));
  check(*block != nullptr, "memory", "the CPU has no block of ", bytes, " bytes to give.");
}

void release(void* block) {
  if (block && (!shares_pages || !segments().give(block))) std::free(block);
}

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
