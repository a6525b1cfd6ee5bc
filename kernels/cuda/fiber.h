// Boost's fibers as the emulator uses them: stacks that outlive them, and switches that the address sanitizer knows of.
#pragma once

#include <boost/context/fiber.hpp>
#include <boost/context/preallocated.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define MIEN_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MIEN_ADDRESS_SANITIZER
#endif
#endif
#if defined(MIEN_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace mien::kernels::emulated {

using boost::context::fiber;
using boost::context::preallocated;
using boost::context::protected_fixedsize_stack;
using boost::context::stack_context;

#if defined(MIEN_ADDRESS_SANITIZER)
inline constexpr std::size_t stack_bytes = 512 * 1024;
#else
inline constexpr std::size_t stack_bytes = 64 * 1024;
#endif

/// A stack as the address sanitizer wants to know it: where it begins and how long it is.
struct StackBounds {
  const void* bottom = nullptr;
  std::size_t size = 0;
};

/// Around every switch of stacks the address sanitizer is told where execution goes; a fiber that ends passes no
/// `save`.
inline void before_switch([[maybe_unused]] void** save, [[maybe_unused]] StackBounds to) {
#if defined(MIEN_ADDRESS_SANITIZER)
  __sanitizer_start_switch_fiber(save, to.bottom, to.size);
#endif
}

inline void after_switch([[maybe_unused]] void* saved, [[maybe_unused]] StackBounds* from) {
#if defined(MIEN_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(saved, from ? &from->bottom : nullptr, from ? &from->size : nullptr);
#endif
}

/// A stack that the last fiber on it may have left by an exception is as good as new.
inline void clear_stack([[maybe_unused]] StackBounds stack) {
#if defined(MIEN_ADDRESS_SANITIZER)
  __asan_unpoison_memory_region(stack.bottom, stack.size);
#endif
}

/// Stacks outlive the blocks; the fiber must not free the one it is given.
struct KeptStack {
  void deallocate(stack_context&) {}
};

}  // namespace mien::kernels::emulated
