#include "mien/core/storage.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "mien/kernels/error.h"

namespace mien {
namespace {

std::atomic<bool> poison{false};

/// Blocks come in sizes with four significant bits: at most an eighth is wasted, and sizes repeat.
std::size_t block_size(std::size_t bytes) {
  bytes = std::max<std::size_t>(bytes, 256);
  const std::size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

/// A block that waits for reuse, and the thread that let it go.
struct FreeBlock {
  void* block;
  std::thread::id giver;
};

class Allocator {
 public:
  void* take(std::size_t bytes, Device device) {
    const std::size_t size = block_size(bytes);
    void* block = nullptr;
    {
      std::lock_guard lock(mutex_);
      if (auto found = free_.find(size); found != free_.end() && !found->second.empty()) {
        // One that this thread gave, if there is: its lines may still be in its core's cache, not in another's.
        std::vector<FreeBlock>& blocks = found->second;
        const auto own = std::find_if(blocks.rbegin(), blocks.rend(),
                                      [](const FreeBlock& free) { return free.giver == std::this_thread::get_id(); });
        if (own != blocks.rend()) std::swap(*own, blocks.back());
        block = blocks.back().block;
        blocks.pop_back();
        use_.cached_bytes -= size;
      }
    }
    if (!block) block = take_from_system(size, device);
    std::lock_guard lock(mutex_);
    use_.bytes += size;
    use_.peak_bytes = std::max(use_.peak_bytes, use_.bytes);
    return block;
  }

  void give(void* block, std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    std::lock_guard lock(mutex_);
    free_[size].push_back({block, std::this_thread::get_id()});
    use_.bytes -= size;
    use_.cached_bytes += size;
  }

  void release_cached(Device device) {
    std::map<std::size_t, std::vector<FreeBlock>> blocks;
    {
      std::lock_guard lock(mutex_);
      blocks.swap(free_);
      use_.cached_bytes = 0;
    }
    for (auto& [size, list] : blocks)
      for (const FreeBlock& free : list) kernels::release(device)(free.block);
  }

  MemoryUse use() {
    std::lock_guard lock(mutex_);
    return use_;
  }

  void reset_peak() {
    std::lock_guard lock(mutex_);
    use_.peak_bytes = use_.bytes;
  }

 private:
  void* take_from_system(std::size_t size, Device device) {
    void* block = nullptr;
    try {
      kernels::allocate(device)(size, &block);
    } catch (const Error&) {
      // The cache may hold enough in blocks of other sizes: give those back, and ask once more.
      release_cached(device);
      kernels::allocate(device)(size, &block);
    }
    std::lock_guard lock(mutex_);
    ++use_.allocations;
    return block;
  }

  std::mutex mutex_;
  std::map<std::size_t, std::vector<FreeBlock>> free_;
  MemoryUse use_;
};

/// Never destroyed: tensors with static lifetime may outlive any order we could choose.
Allocator& allocator_of(Device device) {
  static Allocator* const allocators = new Allocator[3];
  return allocators[static_cast<int>(device)];
}

}  // namespace

Storage::Storage(std::size_t bytes, Device device) : bytes_(bytes), device_(device) {
  block_ = allocator_of(device).take(bytes, device);
  if (poison)
    kernels::fill(device)({static_cast<float*>(block_), static_cast<std::int64_t>(block_size(bytes) / sizeof(float))},
                          std::numeric_limits<float>::quiet_NaN());
}

Storage::~Storage() { allocator_of(device_).give(block_, bytes_); }

MemoryUse memory_use(Device device) { return allocator_of(device).use(); }
void reset_peak_memory(Device device) { allocator_of(device).reset_peak(); }
void release_cached_memory(Device device) { allocator_of(device).release_cached(device); }
void set_memory_poison(bool on) { poison = on; }

}  // namespace mien
