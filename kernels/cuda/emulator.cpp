// The emulator's scheduler: fibers, barriers, shuffles and the errors that name a thread (emulator.h).
#include "mien/kernels/cuda/emulator.h"

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/context/preallocated.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mien/kernels/error.h"

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

// The linker's bounds of the section that holds every __shared__ array. Weak: a program may have none.
extern "C" {
[[gnu::weak]] extern unsigned char __start_mien_shared[];
[[gnu::weak]] extern unsigned char __stop_mien_shared[];
}

namespace mien::kernels::emulated {

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {

using boost::context::fiber;
using boost::context::preallocated;
using boost::context::protected_fixedsize_stack;
using boost::context::stack_context;

constexpr int warp_size = 32;
constexpr unsigned most_threads = 1024, most_blocks_across = 65535;
constexpr std::size_t most_shared_bytes = 48 * 1024;  // what every card gives without being asked
#if defined(MIEN_ADDRESS_SANITIZER)
constexpr std::size_t stack_bytes = 512 * 1024;
#else
constexpr std::size_t stack_bytes = 64 * 1024;
#endif

// A stack as the address sanitizer wants to know it: where it begins and how long it is.
struct StackBounds {
  const void* bottom = nullptr;
  std::size_t size = 0;
};

// Around every switch of stacks the address sanitizer is told where execution goes; a fiber that ends passes no `save`.
void before_switch([[maybe_unused]] void** save, [[maybe_unused]] StackBounds to) {
#if defined(MIEN_ADDRESS_SANITIZER)
  __sanitizer_start_switch_fiber(save, to.bottom, to.size);
#endif
}

void after_switch([[maybe_unused]] void* saved, [[maybe_unused]] StackBounds* from) {
#if defined(MIEN_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(saved, from ? &from->bottom : nullptr, from ? &from->size : nullptr);
#endif
}

// Stacks outlive the blocks; the fiber must not free the one it is given.
struct KeptStack {
  void deallocate(stack_context&) {}
};

// Thrown inside a waiting thread when its block is given up, so that its destructors run.
struct Abandoned {};

enum class State : std::uint8_t { ready, at_barrier, at_shuffle, ended };

struct Thread {
  stack_context stack;
  fiber context, scheduler;  // valid while it, or the scheduler, waits
  void* saved = nullptr;     // of the address sanitizer
  State state = State::ready;
  SourcePlace place;  // of the barrier or shuffle it waits at
  int exchanges = 0;  // shuffles so far; their parity picks the slot
  std::uint64_t given[2] = {};
  std::exception_ptr exception;

  StackBounds bounds() const { return {static_cast<const char*>(stack.sp) - stack.size, stack.size}; }
};

__attribute__((no_sanitize("address"))) void poison(unsigned char* begin, unsigned char* end) {
  // Every float and double made of these bytes is a NaN. Not memset: the sanitizer would object to the gaps it keeps
  // between arrays.
  for (volatile unsigned char* byte = begin; byte != end; ++byte) *byte = 0xFF;
}

uint3 position(int index, dim3 extent) {
  const unsigned i = static_cast<unsigned>(index);
  return {i % extent.x, i / extent.x % extent.y, i / (extent.x * extent.y)};
}

std::string text(SourcePlace place) {
  const std::string_view file = place.file;
  const std::size_t slash = file.rfind('/');
  return join(slash == std::string_view::npos ? file : file.substr(slash + 1), ":", place.line);
}

std::string text(uint3 index) { return join("(", index.x, ",", index.y, ",", index.z, ")"); }

class Scheduler {
 public:
  void run(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, void (*thread)(const void*),
           const void* arguments);
  void set_order(ThreadOrder order) { order_ = order; }
  void wait(State state, SourcePlace place);
  std::uint64_t exchange(std::uint64_t bytes, int source, SourcePlace place);
  void* shared() { return shared_.data(); }
  std::mutex& mutex() { return mutex_; }

 private:
  void run_block();
  void advance_warp(int warp);
  void run_plainly(int index);
  void start(int index);
  void resume(int index);
  void abandon_waiting();
  std::string ended_threads() const;
  template <class... Parts>
  [[noreturn]] void fail_in_block(const Parts&... parts) const {
    fail(name_, "block ", text(blockIdx), ": ", parts...);
  }
  /// `step` counts 0 … count - 1; gives the index whose turn it is.
  int turn(int step, int count) const { return order_ == ThreadOrder::forward ? step : count - 1 - step; }
  int warps() const { return (count_ + warp_size - 1) / warp_size; }

  std::mutex mutex_;
  std::optional<ThreadOrder> order_;
  std::vector<Thread> threads_;  // grows to the largest block so far
  std::vector<unsigned char> shared_;
  StackBounds stack_;  // the scheduler's own, as the sanitizer told a fiber

  // Of the launch under way.
  const char* name_ = "";
  void (*thread_)(const void*) = nullptr;
  const void* arguments_ = nullptr;
  int count_ = 0;         // threads of a block
  int current_ = 0;       // the thread that runs
  bool plain_ = false;    // it runs on the scheduler's stack and cannot wait
  bool started_ = false;  // the block's threads have begun
  bool abandoned_ = false;
};

Scheduler& scheduler() {
  static Scheduler instance;
  return instance;
}

ThreadOrder order_from_environment() {
  const char* value = std::getenv("MIEN_EMULATOR_ORDER");
  if (value == nullptr || std::string_view(value) == "forward") return ThreadOrder::forward;
  check(std::string_view(value) == "reverse", "emulator", "MIEN_EMULATOR_ORDER is forward or reverse. Got \"", value,
        "\".");
  return ThreadOrder::reverse;
}

void Scheduler::run(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, void (*thread)(const void*),
                    const void* arguments) {
  const std::lock_guard<std::mutex> one_at_a_time(mutex_);
  if (!order_) order_ = order_from_environment();
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  check(block.x > 0 && block.y > 0 && block.z > 0 && block.x * block.y * block.z <= most_threads, name,
        "a block has 1 to ", most_threads, " threads. Got block=(", block.x, ",", block.y, ",", block.z, ").");
  check(grid.x <= 0x7FFFFFFFu && grid.y <= most_blocks_across && grid.z <= most_blocks_across, name,
        "a grid has at most 2147483647, ", most_blocks_across, " and ", most_blocks_across, " blocks. Got grid=(",
        grid.x, ",", grid.y, ",", grid.z, ").");
  check(shared_bytes <= most_shared_bytes, name, "a block has at most ", most_shared_bytes,
        " bytes of dynamic shared memory. Got ", shared_bytes, ".");
  name_ = name, thread_ = thread, arguments_ = arguments;
  blockDim = block, gridDim = grid;
  count_ = static_cast<int>(block.x * block.y * block.z);
  if (threads_.size() < static_cast<std::size_t>(count_)) threads_.resize(static_cast<std::size_t>(count_));
  shared_.resize(shared_bytes);

  const std::int64_t blocks = std::int64_t{grid.x} * grid.y * grid.z;
  for (std::int64_t step = 0; step < blocks; ++step) {
    const std::int64_t index = order_ == ThreadOrder::forward ? step : blocks - 1 - step;
    blockIdx = {static_cast<unsigned>(index % grid.x), static_cast<unsigned>(index / grid.x % grid.y),
                static_cast<unsigned>(index / (std::int64_t{grid.x} * grid.y))};
    try {
      run_block();
    } catch (...) {
      abandon_waiting();
      throw;
    }
  }
}

void Scheduler::run_block() {
  poison(__start_mien_shared, __stop_mien_shared);
  std::fill(shared_.begin(), shared_.end(), static_cast<unsigned char>(0xFF));
  for (int i = 0; i < count_; ++i) threads_[static_cast<std::size_t>(i)].state = State::ready;
  started_ = false;
  for (;;) {
    for (int step = 0; step < warps(); ++step) advance_warp(turn(step, warps()));
    started_ = true;
    const auto waits = [](const Thread& thread) { return thread.state == State::at_barrier; };
    const auto begin = threads_.begin(), end = threads_.begin() + count_;
    const auto waiting = std::count_if(begin, end, waits);
    if (waiting == 0) return;
    const SourcePlace place = std::find_if(begin, end, waits)->place;
    if (waiting != count_)
      fail_in_block("the barrier at ", text(place), " is reached by ", waiting, " of ", count_, " threads; ",
                    ended_threads(), " ended before it.");
    for (auto thread = begin; thread != end; ++thread) {
      if (!(thread->place == place))
        fail_in_block("thread ", text(position(static_cast<int>(thread - begin), blockDim)),
                      " waits at the barrier at ", text(thread->place), ", others at the one at ", text(place), ".");
      thread->state = State::ready;
    }
  }
}

// Runs a warp until each of its threads has ended or waits at a barrier.
void Scheduler::advance_warp(int warp) {
  const int begin = warp * warp_size, end = std::min(begin + warp_size, count_), size = end - begin;
  bool begun = started_;
  for (;;) {
    for (int step = 0; step < size; ++step) {
      const int index = begin + turn(step, size);
      Thread& thread = threads_[static_cast<std::size_t>(index)];
      if (thread.state != State::ready) continue;
      if (begun)
        resume(index);
      else if (step > 0 && threads_[static_cast<std::size_t>(begin + turn(0, size))].state == State::ended)
        run_plainly(index);
      else
        start(index);
    }
    begun = true;
    int at_shuffle = 0;
    SourcePlace place;
    for (int i = begin; i < end; ++i)
      if (threads_[static_cast<std::size_t>(i)].state == State::at_shuffle)
        ++at_shuffle, place = threads_[static_cast<std::size_t>(i)].place;
    if (at_shuffle == 0) return;
    if (at_shuffle != warp_size)
      fail_in_block("the shuffle at ", text(place), " is reached by ", at_shuffle, " of the ", warp_size,
                    " threads of warp ", warp, size < warp_size ? ": the block has no more." : ".");
    for (int i = begin; i < end; ++i) threads_[static_cast<std::size_t>(i)].state = State::ready;
  }
}

// The threads that have ended: the first by name, and how many more.
std::string Scheduler::ended_threads() const {
  int first = -1, more = -1;
  for (int i = 0; i < count_; ++i)
    if (threads_[static_cast<std::size_t>(i)].state == State::ended) first = first < 0 ? i : first, ++more;
  return join("thread ", text(position(first, blockDim)), more > 0 ? join(" and ", more, " more") : "");
}

// Rethrows what a thread threw, with its place before a message of ours.
[[noreturn]] void rethrow_from(const char* name, std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    fail(name, "block ", text(blockIdx), ", thread ", text(threadIdx), ": ", error.what());
  }
}

void Scheduler::run_plainly(int index) {
  current_ = index;
  plain_ = true;
  threadIdx = position(index, blockDim);
  std::exception_ptr exception;
  try {
    thread_(arguments_);
  } catch (...) {
    exception = std::current_exception();
  }
  plain_ = false;
  threads_[static_cast<std::size_t>(index)].state = State::ended;
  if (exception) rethrow_from(name_, exception);
}

void Scheduler::start(int index) {
  Thread& thread = threads_[static_cast<std::size_t>(index)];
  if (thread.stack.sp == nullptr) thread.stack = protected_fixedsize_stack(stack_bytes).allocate();
#if defined(MIEN_ADDRESS_SANITIZER)
  __asan_unpoison_memory_region(thread.bounds().bottom, thread.stack.size);
#endif
  thread.exchanges = 0;
  thread.context = fiber(std::allocator_arg, preallocated(thread.stack.sp, thread.stack.size, thread.stack),
                         KeptStack{}, [this, &thread](fiber&& caller) {
                           after_switch(nullptr, &stack_);
                           thread.scheduler = std::move(caller);
                           try {
                             thread_(arguments_);
                           } catch (const Abandoned&) {
                           } catch (...) {
                             thread.exception = std::current_exception();
                           }
                           thread.state = State::ended;
                           before_switch(nullptr, stack_);
                           return std::move(thread.scheduler);
                         });
  resume(index);
}

void Scheduler::resume(int index) {
  Thread& thread = threads_[static_cast<std::size_t>(index)];
  current_ = index;
  threadIdx = position(index, blockDim);
  void* saved = nullptr;
  before_switch(&saved, thread.bounds());
  thread.context = std::move(thread.context).resume();
  after_switch(saved, nullptr);
  if (thread.exception) rethrow_from(name_, std::exchange(thread.exception, nullptr));
}

void Scheduler::wait(State state, SourcePlace place) {
  if (plain_)
    throw Error(join(state == State::at_barrier ? "the barrier at " : "the shuffle at ", text(place),
                     " is not reached by all threads; ", ended_threads(), " ended before it."));
  Thread& thread = threads_[static_cast<std::size_t>(current_)];
  thread.state = state;
  thread.place = place;
  before_switch(&thread.saved, stack_);
  thread.scheduler = std::move(thread.scheduler).resume();
  after_switch(thread.saved, &stack_);
  if (abandoned_) throw Abandoned{};
}

std::uint64_t Scheduler::exchange(std::uint64_t bytes, int source, SourcePlace place) {
  // Two slots: a thread can be at most one shuffle ahead of a neighbour that has still to read.
  Thread& thread = threads_[static_cast<std::size_t>(current_)];
  const int slot = thread.exchanges++ % 2;
  const int warp_begin = current_ / warp_size * warp_size;
  thread.given[slot] = bytes;
  wait(State::at_shuffle, place);
  return threads_[static_cast<std::size_t>(warp_begin + source)].given[slot];
}

void Scheduler::abandon_waiting() {
  abandoned_ = true;
  for (int i = 0; i < count_; ++i) {
    Thread& thread = threads_[static_cast<std::size_t>(i)];
    if (thread.context) resume(i);
    thread.state = State::ended;
  }
  abandoned_ = false;
}

}  // namespace

void __syncthreads(SourcePlace place) { scheduler().wait(State::at_barrier, place); }

std::uint64_t exchange_in_warp(std::uint64_t bytes, int source, SourcePlace place) {
  return scheduler().exchange(bytes, source, place);
}

void* dynamic_shared_memory() { return scheduler().shared(); }

void set_thread_order(ThreadOrder order) {
  const std::lock_guard<std::mutex> lock(scheduler().mutex());
  scheduler().set_order(order);
}

void run_grid(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, void (*thread)(const void*),
              const void* arguments) {
  scheduler().run(name, grid, block, shared_bytes, thread, arguments);
}

}  // namespace mien::kernels::emulated
