#include "mien/kernels/cuda/emulated_shared.h"

#include <algorithm>
#include <new>
#include <vector>

#include "mien/kernels/cuda/emulator_text.h"
#include "mien/kernels/error.h"

namespace mien::kernels::emulated {

Moment moment;

namespace {

constexpr std::size_t most_shared_bytes = 48 * 1024;  // what every card gives without being asked
constexpr std::align_val_t dynamic_alignment{128};
constexpr int warp_size = 32;

// One launch runs at a time, and holds the scheduler's lock.
struct SharedMemory {
  SharedRegion dynamic;
  std::size_t dynamic_room = 0;       // bytes behind dynamic.begin
  std::vector<SharedRegion*> in_use;  // by the block
  std::vector<SharedRegion*> arrays;  // all that any block has used
};

SharedMemory& memory() {
  static SharedMemory* const kept = new SharedMemory;  // never destroyed, as the arrays that it knows of
  return *kept;
}

std::size_t bytes_in_use() {
  std::size_t bytes = 0;
  for (const SharedRegion* const region : memory().in_use) bytes += region->bytes;
  return bytes;
}

int number(std::uint16_t who) { return who & 0x3FF; }
int warp_of(std::uint16_t who) { return who & SharedCell::warp ? number(who) : number(who) / warp_size; }

// Whether what a thread of `warp` did since the last barrier was before a __syncwarp() of the running thread's warp.
bool is_before_warp_barrier(int warp, std::uint32_t when) {
  return warp == moment.thread / warp_size && when < moment.warp;
}

// Whether another thread's write is not kept apart from what the running thread does now.
bool collides_with_write(const SharedCell& cell) {
  if (cell.written < moment.barrier) return false;
  if (cell.writer & SharedCell::many) return true;
  const int writer = number(cell.writer);
  return writer != moment.thread && !is_before_warp_barrier(writer / warp_size, cell.written);
}

bool collides_with_read(const SharedCell& cell) {
  if (cell.read < moment.barrier || cell.reader == moment.thread) return false;
  return cell.reader == SharedCell::many || !is_before_warp_barrier(warp_of(cell.reader), cell.read);
}

[[noreturn]] void fail_collision(const char* access, SourcePlace place, const std::string& who,
                                 const char* other_access) {
  throw Error(join("shared memory is ", access, " at ", text(place), " that ", who, " ", other_access,
                   " since the last barrier."));
}

[[noreturn]] void fail_collision_with_write(const char* access, SourcePlace place, std::uint16_t writer) {
  fail_collision(access, place,
                 join("thread ", text(position(number(writer), blockDim)),
                      writer & SharedCell::many ? " and others have" : " has"),
                 "written");
}

[[noreturn]] void fail_collision_with_read(const char* access, SourcePlace place, std::uint16_t reader) {
  if (reader == SharedCell::many) fail_collision(access, place, "threads of several warps have", "read");
  if (reader & SharedCell::warp)
    fail_collision(access, place, join("threads of warp ", number(reader), " have"), "read");
  fail_collision(access, place, join("thread ", text(position(reader, blockDim)), " has"), "read");
}

void check_written(const SharedCell& cell, SourcePlace place) {
  if (cell.written < moment.block)
    throw Error(join("shared memory is read at ", text(place), " that no thread of the block has written."));
}

// body(cell) for what `bytes` bytes of shared memory at `address` consist of.
template <class Body>
void for_each_cell(const void* address, std::size_t bytes, const Body& body) {
  SharedRegion* const region = shared_region(address);
  if (region == nullptr) return;
  const auto offset = static_cast<std::size_t>(static_cast<const unsigned char*>(address) - region->begin);
  const std::size_t step = region->element_bytes > 0 ? region->element_bytes : 4;
  for (std::size_t i = offset; i < offset + bytes && i < region->bytes; i += step) body(region->cells[region->cell(i)]);
}

}  // namespace

void begin_shared_launch(const char* kernel, std::size_t dynamic_bytes) {
  check(dynamic_bytes <= most_shared_bytes, kernel, "a block has at most ", most_shared_bytes,
        " bytes of dynamic shared memory. Got ", dynamic_bytes, ".");
  SharedMemory& shared = memory();
  if (moment.now > 0x80000000) {  // long before the counter runs over, time begins again
    for (SharedRegion* const region : shared.arrays) {
      std::fill_n(region->cells, region->bytes / region->element_bytes, SharedCell{});
      region->entered = 0;
    }
    std::fill_n(shared.dynamic.cells, shared.dynamic_room, SharedCell{});
    moment = {};
  }
  if (dynamic_bytes > shared.dynamic_room) {
    ::operator delete(shared.dynamic.begin, dynamic_alignment);
    delete[] shared.dynamic.cells;
    shared.dynamic_room = (dynamic_bytes + 3) / 4 * 4;
    shared.dynamic.begin = static_cast<unsigned char*>(::operator new(shared.dynamic_room, dynamic_alignment));
    shared.dynamic.cells = new SharedCell[shared.dynamic_room];
  }
  shared.dynamic.bytes = dynamic_bytes;
  shared.dynamic.poison = 0xFF;
}

void begin_shared_block() {
  memory().in_use.clear();
  moment.block = moment.barrier = moment.warp = ++moment.now;
  if (memory().dynamic.bytes > 0) enter_shared(memory().dynamic);
}

void* dynamic_shared_memory() { return memory().dynamic.begin; }

SharedRegion* new_shared_region(void* begin, std::size_t bytes, std::size_t element_bytes, unsigned char poison) {
  auto* const region = new SharedRegion{static_cast<unsigned char*>(begin), bytes, element_bytes, poison};
  region->cells = new SharedCell[bytes / element_bytes];
  memory().arrays.push_back(region);
  return region;
}

void enter_shared(SharedRegion& region) {
  SharedMemory& shared = memory();
  region.entered = moment.block;
  shared.in_use.push_back(&region);
  std::memset(region.begin, region.poison, region.bytes);
  if (const std::size_t bytes = bytes_in_use(); bytes > most_shared_bytes)
    throw Error(
        join("a block has at most ", most_shared_bytes, " bytes of shared memory. Its arrays take ", bytes, "."));
}

SharedRegion* shared_region(const void* address) {
  const auto* const byte = static_cast<const unsigned char*>(address);
  for (SharedRegion* const region : memory().in_use)
    if (byte >= region->begin && byte < region->begin + region->bytes) return region;
  return nullptr;
}

void note_shared_read(const void* address, std::size_t bytes, SourcePlace place) {
  for_each_cell(address, bytes, [place](SharedCell& cell) { note_read(cell, place); });
}

void note_shared_write(const void* address, std::size_t bytes, SourcePlace place) {
  for_each_cell(address, bytes, [place](SharedCell& cell) { note_write(cell, true, place); });
}

void note_shared_atomic(const void* address, std::size_t bytes, SourcePlace place) {
  for_each_cell(address, bytes, [place](SharedCell& cell) {
    check_written(cell, place);
    const bool meets = cell.written >= moment.barrier && (cell.writer & SharedCell::atomic);
    if (!meets && collides_with_write(cell)) fail_collision_with_write("changed atomically", place, cell.writer);
    if (collides_with_read(cell)) fail_collision_with_read("changed atomically", place, cell.reader);
    const bool alone = !meets || cell.writer == (moment.thread | SharedCell::atomic);
    cell.writer = static_cast<std::uint16_t>(moment.thread | SharedCell::atomic | (alone ? 0 : SharedCell::many));
    cell.pass = 0;
    cell.written = moment.now;
  });
}

void record_shared_read(SharedCell& cell, SourcePlace place) {
  check_written(cell, place);
  if (collides_with_write(cell)) fail_collision_with_write("read", place, cell.writer);
  const int warp = moment.thread / warp_size;
  const bool first = cell.read < moment.barrier ||
                     (cell.reader != SharedCell::many && is_before_warp_barrier(warp_of(cell.reader), cell.read));
  if (first || cell.reader == moment.thread) {
    cell.reader = moment.thread;
  } else {
    const bool same_warp = cell.reader != SharedCell::many && warp_of(cell.reader) == warp;
    cell.reader = same_warp ? static_cast<std::uint16_t>(warp | SharedCell::warp) : SharedCell::many;
    cell.pass = moment.pass;  // the reader stands for the whole warp
  }
  cell.read = moment.now;
}

void check_shared_write(const SharedCell& cell, SourcePlace place) {
  if (collides_with_write(cell)) fail_collision_with_write("written", place, cell.writer);
  if (collides_with_read(cell)) fail_collision_with_read("written", place, cell.reader);
}

void fail_outside_shared(std::int64_t index, std::int64_t count, SourcePlace place) {
  throw Error(join("element ", index, " lies outside shared memory of ", count, " elements, at ", text(place), "."));
}

}  // namespace mien::kernels::emulated
