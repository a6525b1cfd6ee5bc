// Storage: one block of memory on one device, out of a caching allocator. A block that is let go waits in the cache
// for the next request of its size, so that a training step of fixed shape allocates nothing after its first run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mien/core/device.h"

namespace mien {

/// Owns a block for as long as it lives. Contents are undefined until written.
class Storage {
 public:
  /// Throws Error where the device is not there or out of memory.
  Storage(std::size_t bytes, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return block_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  void* block_ = nullptr;
  std::size_t bytes_ = 0;
  Device device_;
};

/// What the allocator of one device has done.
struct MemoryUse {
  std::size_t bytes = 0;          ///< in blocks that storages own now
  std::size_t peak_bytes = 0;     ///< the most of that since reset_peak_memory
  std::size_t cached_bytes = 0;   ///< in blocks that wait for reuse
  std::uint64_t allocations = 0;  ///< blocks ever taken from the system
};
MemoryUse memory_use(Device device);
void reset_peak_memory(Device device);

/// Gives the cached blocks back to the system.
void release_cached_memory(Device device);

/// For tests: fills every block that is handed out with NaN, so that an element which a kernel forgets shows.
void set_memory_poison(bool on);

}  // namespace mien
