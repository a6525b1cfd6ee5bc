// Shared memory under the emulator: arrays and pointers that know who wrote and who read each of their elements.
//
// Time is a counter that moves on at every barrier. For each element two moments are kept, of its last write and of its
// last read, and by which threads. An access is an error where
//   it reads what no thread of this block has written               (a GPU gives what an earlier block left there)
//   it reads what another thread has written since the last barrier (a GPU may give what was there before)
//   it changes what another thread has read or written since then.
// Threads of one warp are also kept apart by __syncwarp(). Atomic functions may meet each other, and threads may write
// the same value. Each report names kernel, block, thread, file and line. What is not watched: a plain pointer, as
// `&tile[i][j]` is, unless note_shared_read and note_shared_write are told. It finds NaN where nothing was written, or
// 0x5A in each byte of integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "mien/kernels/cuda/emulator.h"
#include "mien/kernels/view.h"

namespace mien::kernels::emulated {

/// The running thread, and since when its accesses are kept apart from those of others.
struct Moment {
  std::uint32_t now = 0;      ///< counts blocks, barriers and __syncwarp()s
  std::uint32_t block = 0;    ///< when the block began
  std::uint32_t barrier = 0;  ///< when it last passed a barrier
  std::uint32_t warp = 0;     ///< when the thread's warp last passed one, or a __syncwarp()
  std::uint16_t thread = 0;
  std::uint64_t pass = 0;  ///< `now` and the thread's warp
};
extern Moment moment;

/// Who has accessed an element of shared memory last, and when.
struct SharedCell {
  static constexpr std::uint16_t atomic = 0x400;  ///< beside the writer's number: by an atomic function
  static constexpr std::uint16_t warp = 0x400;    ///< beside a number that is then a warp's: several of its threads
  static constexpr std::uint16_t many = 0x800;    ///< several threads
  std::uint64_t pass = 0;  ///< the Moment::pass of those who may read on: nothing new would come of it
  std::uint32_t written = 0, read = 0;
  std::uint16_t writer = 0, reader = 0;
};

/// A piece of shared memory: an array, or a launch's dynamic memory.
struct SharedRegion {
  unsigned char* begin = nullptr;
  std::size_t bytes = 0;
  std::size_t element_bytes = 0;  ///< 0 for dynamic memory, whose elements may be of any size
  unsigned char poison = 0;
  std::uint32_t entered = 0;  ///< the block that it was last used in
  SharedCell* cells = nullptr;

  /// The cell of the element at `offset` bytes; elements of whole words lie next to each other.
  std::size_t cell(std::size_t offset) const {
    if (element_bytes > 0) return offset / element_bytes;
    return offset % 4 * ((bytes + 3) / 4) + offset / 4;
  }
};

/// For the scheduler: a launch begins, and a block of it.
void begin_shared_launch(const char* kernel, std::size_t dynamic_bytes);
void begin_shared_block();

/// The region of an array; it is kept as long as the program runs, as the array is.
SharedRegion* new_shared_region(void* begin, std::size_t bytes, std::size_t element_bytes, unsigned char poison);

/// Poisons a region at its first use in a block. Throws Error where the block has not as much shared memory.
void enter_shared(SharedRegion& region);

/// The region in use that `address` lies in; null where there is none.
SharedRegion* shared_region(const void* address);

/// For code that accesses shared memory by a plain pointer: as if the thread had read, or written, the bytes there.
/// Nothing happens where they are no shared memory that this block uses.
void note_shared_read(const void* address, std::size_t bytes, SourcePlace place);
void note_shared_write(const void* address, std::size_t bytes, SourcePlace place);
void note_shared_atomic(const void* address, std::size_t bytes, SourcePlace place);

// What the checks below come to where they cannot say at once that all is well.
void record_shared_read(SharedCell& cell, SourcePlace place);
void check_shared_write(const SharedCell& cell, SourcePlace place);
[[noreturn]] void fail_outside_shared(std::int64_t index, std::int64_t count, SourcePlace place);

inline void note_read(SharedCell& cell, SourcePlace place) {
  if (cell.pass != moment.pass) record_shared_read(cell, place);
}

/// `changes`: another value than before. What is written again as it is harms nobody.
inline void note_write(SharedCell& cell, bool changes, SourcePlace place) {
  if ((cell.written >= moment.barrier && cell.writer != moment.thread) ||
      (cell.read >= moment.barrier && cell.reader != moment.thread)) [[unlikely]] {
    if (changes) check_shared_write(cell, place);
  }
  cell.written = moment.now;
  cell.writer = moment.thread;
  cell.pass = 0;
}

/// An element of shared memory: read by conversion to T, written by assignment. Most have one cell; a float4 in
/// dynamic memory has four.
template <class T>
class SharedElement {
 public:
  SharedElement(T* value, SharedCell* cell, std::size_t cells, SourcePlace place)
      : value_(value), cell_(cell), cells_(cells), place_(place) {}
  SharedElement(const SharedElement&) = default;

  operator T() const {
    for (std::size_t i = 0; i < cells_; ++i) note_read(cell_[i], place_);
    return *value_;
  }
  const SharedElement& operator=(const T& value) const {
    const bool changes = std::memcmp(value_, &value, sizeof value) != 0;
    for (std::size_t i = 0; i < cells_; ++i) note_write(cell_[i], changes, place_);
    *value_ = value;
    return *this;
  }
  const SharedElement& operator=(const SharedElement& other) const { return *this = static_cast<T>(other); }
  template <class Value>
  const SharedElement& operator+=(const Value& value) const {
    return *this = static_cast<T>(static_cast<T>(*this) + value);
  }
  /// The plain pointer, for atomic functions and for products of tensor cores.
  T* operator&() const { return value_; }

 private:
  T* value_;
  SharedCell* cell_;
  std::size_t cells_;
  SourcePlace place_;
};

/// A pointer into shared memory. `T` may be const: its elements are then plain values.
template <class T>
class SharedPointer {
 public:
  SharedPointer() = default;
  /// `at` must be in the shared memory of this block: dynamic, or of an array that has been used.
  SharedPointer(T* at) : at_(at), region_(shared_region(at)) {}
  SharedPointer(T* at, SharedRegion* region) : at_(at), region_(region) {}
  operator SharedPointer<const T>() const requires(!std::is_const_v<T>) { return {at_, region_}; }

  decltype(auto) operator[](ViewIndex index) const {
    const SourcePlace place{index.file, index.line};
    if (region_ == nullptr) fail_outside_shared(index.value, 0, place);
    // As unsigned numbers: what lies before the region is far behind its end.
    const std::size_t offset =
        static_cast<std::size_t>(reinterpret_cast<const unsigned char*>(at_ + index.value) - region_->begin);
    if (offset >= region_->bytes || region_->bytes - offset < sizeof(T)) [[unlikely]]
      fail_outside_shared(index.value, static_cast<std::int64_t>(region_->bytes / sizeof(T)), place);
    const std::size_t step = region_->element_bytes > 0 ? region_->element_bytes : 4;
    const SharedElement<std::remove_const_t<T>> element(const_cast<std::remove_const_t<T>*>(at_ + index.value),
                                                        region_->cells + region_->cell(offset),
                                                        sizeof(T) <= 4 ? 1 : (sizeof(T) + step - 1) / step, place);
    if constexpr (std::is_const_v<T>)
      return static_cast<std::remove_const_t<T>>(element);
    else
      return element;
  }
  decltype(auto) operator*() const { return (*this)[0]; }
  SharedPointer operator+(std::int64_t count) const { return {at_ + count, region_}; }
  SharedPointer operator-(std::int64_t count) const { return {at_ - count, region_}; }

 private:
  T* at_ = nullptr;
  SharedRegion* region_ = nullptr;
};

/// Part of an array: what stands behind its first indices.
template <class T, int extent, int... rest>
class SharedRow {
 public:
  SharedRow(T* values, SharedRegion* region) : values_(values), region_(region) {}

  auto operator[](ViewIndex index) const {
    const SourcePlace place{index.file, index.line};
    if (index.value < 0 || index.value >= extent) [[unlikely]]
      fail_outside_shared(index.value, extent, place);
    if constexpr (sizeof...(rest) > 0) {
      return SharedRow<T, rest...>(values_ + index.value * (std::int64_t{1} * ... * rest), region_);
    } else {
      using Value = std::remove_const_t<T>;
      auto* const value = const_cast<Value*>(values_ + index.value);
      const auto number = reinterpret_cast<unsigned char*>(value) - region_->begin;
      const SharedElement<Value> element(value, region_->cells + number / static_cast<std::ptrdiff_t>(sizeof(T)), 1,
                                         place);
      if constexpr (std::is_const_v<T>)
        return static_cast<Value>(element);
      else
        return element;
    }
  }
  operator SharedPointer<T>() const requires(sizeof...(rest) == 0) { return {values_, region_}; }
  operator SharedPointer<const T>() const requires(sizeof...(rest) == 0 && !std::is_const_v<T>) {
    return {values_, region_};
  }

 private:
  T* values_;
  SharedRegion* region_;
};

template <class T, int... extents>
struct NestedArray {
  using type = T;
};
template <class T, int extent, int... rest>
struct NestedArray<T, extent, rest...> {
  using type = typename NestedArray<T, rest...>::type[extent];
};

/// An array in the shared memory of a block, of constant extents; a static variable, declared by __shared__.
template <class T, int extent, int... rest>
struct shared_array {
  typename NestedArray<T, extent, rest...>::type values{};
  mutable SharedRegion* region = nullptr;  // a pointer, so that a debugger shows the values and little else

  constexpr shared_array() = default;
  shared_array(const shared_array&) = delete;
  shared_array& operator=(const shared_array&) = delete;

  auto operator[](ViewIndex index) { return row<T>()[index]; }
  auto operator[](ViewIndex index) const { return row<const T>()[index]; }
  operator SharedPointer<T>() requires(sizeof...(rest) == 0) { return row<T>(); }
  operator SharedPointer<const T>() const requires(sizeof...(rest) == 0) { return row<const T>(); }

 private:
  template <class Element>
  SharedRow<Element, extent, rest...> row() const {
    if (region == nullptr) [[unlikely]]
      region = new_shared_region(const_cast<shared_array*>(this)->values, sizeof values, sizeof(T),
                                 std::is_integral_v<T> ? 0x5A : 0xFF);
    if (region->entered != moment.block) [[unlikely]]
      enter_shared(*region);
    return {reinterpret_cast<Element*>(region->begin), region};
  }
};

template <class T>
using shared_pointer = SharedPointer<T>;

}  // namespace mien::kernels::emulated
