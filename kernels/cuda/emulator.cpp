// The emulator's scheduler: fibers, barriers, shuffles and the errors that name a thread (emulator.h).
#include "mien/kernels/cuda/emulator.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mien/kernels/cuda/async_copies.h"
#include "mien/kernels/cuda/emulated_shared.h"
#include "mien/kernels/cuda/emulator_text.h"
#include "mien/kernels/cuda/fiber.h"
#include "mien/kernels/cuda/thread_order.h"
#include "mien/kernels/error.h"

namespace mien::kernels::emulated {

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {

constexpr int warp_size = 32;
constexpr unsigned most_threads = 1024, most_blocks_across = 65535;

// Thrown inside a waiting thread when its block is given up, so that its destructors run.
struct Abandoned {};

enum class State : std::uint8_t { ready, at_barrier, at_shuffle, at_warp_barrier, ended };

// Where a thread waits, for a message.
std::string text(State state, SourcePlace place) {
  const char* const name = state == State::at_barrier   ? "barrier"
                           : state == State::at_shuffle ? "shuffle"
                                                        : "__syncwarp";
  return join("the ", name, " at ", text(place));
}

struct Thread {
  stack_context stack;
  fiber context, scheduler;  // valid while it, or the scheduler, waits
  void* saved = nullptr;     // of the address sanitizer
  State state = State::ready;
  SourcePlace place;  // of what it waits at
  int exchanges = 0;  // shuffles so far; their parity picks the slot
  alignas(8) unsigned char given[2][most_given] = {};
  AsyncCopies copies;
  std::exception_ptr exception;

  StackBounds bounds() const { return {static_cast<const char*>(stack.sp) - stack.size, stack.size}; }
};

class Scheduler {
 public:
  void run(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, void (*thread)(const void*),
           const void* arguments);
  void set_turns(Turns turns) { turns_ = turns; }
  const Turns& turns() {
    if (!turns_) turns_ = Turns::from_environment();
    return *turns_;
  }
  void wait(State state, SourcePlace place);
  void give(const void* bytes, std::size_t size, SourcePlace place);
  const void* given_by(int lane) const;
  AsyncCopies& copies() { return threads_[static_cast<std::size_t>(current_)].copies; }
  std::mutex& mutex() { return mutex_; }

 private:
  void run_block();
  void advance_warp(int warp);
  bool pass_in_warp(int warp);
  void become(int index);
  void run_plainly(int index);
  void start(int index);
  void resume(int index);
  void abandon_waiting();
  std::string ended_threads() const;
  [[noreturn]] void rethrow(std::exception_ptr exception) const;
  template <class... Parts>
  [[noreturn]] void fail_in_block(const Parts&... parts) const {
    fail(name_, "block ", text(blockIdx), ": ", parts..., turns_->note());
  }
  /// The index whose turn comes as number `step` of 0 … count - 1.
  int turn(int step, int count, std::uint64_t sequence) const {
    return static_cast<int>(turns_->at(step, count, sequence));
  }
  int warps() const { return (count_ + warp_size - 1) / warp_size; }

  std::mutex mutex_;
  std::optional<Turns> turns_;
  std::vector<Thread> threads_;               // grows to the largest block so far
  std::vector<std::uint32_t> warp_barriers_;  // when each warp last passed a __syncwarp()
  StackBounds stack_;                         // the scheduler's own, as the sanitizer told a fiber

  // Of the launch under way.
  const char* name_ = "";
  void (*thread_)(const void*) = nullptr;
  const void* arguments_ = nullptr;
  std::uint64_t sequence_ = 0;  // sequences of turns so far
  int count_ = 0;               // threads of a block
  int current_ = 0;             // the thread that runs
  bool plain_ = false;          // it runs on the scheduler's stack and cannot wait
  bool started_ = false;        // the block's threads have begun
  bool abandoned_ = false;
};

Scheduler& scheduler() {
  static Scheduler instance;
  return instance;
}

void Scheduler::run(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, void (*thread)(const void*),
                    const void* arguments) {
  const std::lock_guard<std::mutex> one_at_a_time(mutex_);
  turns();
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  check(block.x > 0 && block.y > 0 && block.z > 0 && block.x * block.y * block.z <= most_threads, name,
        "a block has 1 to ", most_threads, " threads. Got block=(", block.x, ",", block.y, ",", block.z, ").");
  check(grid.x <= 0x7FFFFFFFu && grid.y <= most_blocks_across && grid.z <= most_blocks_across, name,
        "a grid has at most 2147483647, ", most_blocks_across, " and ", most_blocks_across, " blocks. Got grid=(",
        grid.x, ",", grid.y, ",", grid.z, ").");
  begin_shared_launch(name, shared_bytes);
  name_ = name, thread_ = thread, arguments_ = arguments;
  sequence_ = 0;
  blockDim = block, gridDim = grid;
  count_ = static_cast<int>(block.x * block.y * block.z);
  if (threads_.size() < static_cast<std::size_t>(count_)) threads_.resize(static_cast<std::size_t>(count_));

  const std::int64_t blocks = std::int64_t{grid.x} * grid.y * grid.z;
  for (std::int64_t step = 0; step < blocks; ++step) {
    const std::int64_t index = turns_->at(step, blocks, 0);
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
  begin_shared_block();
  warp_barriers_.assign(static_cast<std::size_t>(warps()), 0);
  for (int i = 0; i < count_; ++i) {
    threads_[static_cast<std::size_t>(i)].state = State::ready;
    threads_[static_cast<std::size_t>(i)].copies = {};
  }
  started_ = false;
  for (;;) {
    const std::uint64_t sequence = ++sequence_;
    for (int step = 0; step < warps(); ++step) advance_warp(turn(step, warps(), sequence));
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
    moment.barrier = ++moment.now;
  }
}

// Runs a warp until each of its threads has ended or waits at a barrier.
void Scheduler::advance_warp(int warp) {
  const int begin = warp * warp_size, end = std::min(begin + warp_size, count_), size = end - begin;
  bool begun = started_;
  for (;;) {
    const std::uint64_t sequence = ++sequence_;
    for (int step = 0; step < size; ++step) {
      const int index = begin + turn(step, size, sequence);
      Thread& thread = threads_[static_cast<std::size_t>(index)];
      if (thread.state != State::ready) continue;
      if (begun)
        resume(index);
      else if (step > 0 && threads_[static_cast<std::size_t>(begin + turn(0, size, sequence))].state == State::ended)
        run_plainly(index);
      else
        start(index);
    }
    begun = true;
    if (!pass_in_warp(warp)) return;
  }
}

// Lets the threads of a warp go on that wait for each other; false where none does.
bool Scheduler::pass_in_warp(int warp) {
  const auto begin = threads_.begin() + warp * warp_size;
  const auto end = threads_.begin() + std::min((warp + 1) * warp_size, count_);
  const auto waits = [](const Thread& thread) {
    return thread.state == State::at_shuffle || thread.state == State::at_warp_barrier;
  };
  const auto waiting = std::count_if(begin, end, waits);
  if (waiting == 0) return false;
  const Thread& first = *std::find_if(begin, end, waits);
  const State state = first.state;
  if (waiting != warp_size)
    fail_in_block(text(state, first.place), " is reached by ", waiting, " of the ", warp_size, " threads of warp ",
                  warp, end - begin < warp_size ? ": the block has no more." : ".");
  for (auto thread = begin; thread != end; ++thread) {
    if (!(thread->place == first.place))
      fail_in_block("thread ", text(position(static_cast<int>(thread - threads_.begin()), blockDim)), " waits at ",
                    text(thread->state, thread->place), ", others of its warp at ", text(state, first.place), ".");
    thread->state = State::ready;
  }
  if (state == State::at_warp_barrier) warp_barriers_[static_cast<std::size_t>(warp)] = ++moment.now;
  return true;
}

// The threads that have ended: the first by name, and how many more.
std::string Scheduler::ended_threads() const {
  int first = -1, more = -1;
  for (int i = 0; i < count_; ++i)
    if (threads_[static_cast<std::size_t>(i)].state == State::ended) first = first < 0 ? i : first, ++more;
  return join("thread ", text(position(first, blockDim)), more > 0 ? join(" and ", more, " more") : "");
}

// Rethrows what a thread threw, with its place before a message of ours.
void Scheduler::rethrow(std::exception_ptr exception) const {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    fail(name_, "block ", text(blockIdx), ", thread ", text(threadIdx), ": ", error.what(), turns_->note());
  }
}

// The thread that runs from here on.
void Scheduler::become(int index) {
  current_ = index;
  threadIdx = position(index, blockDim);
  moment.thread = static_cast<std::uint16_t>(index);
  moment.warp = std::max(moment.barrier, warp_barriers_[static_cast<std::size_t>(index / warp_size)]);
  moment.pass = std::uint64_t{moment.now} << 32 | static_cast<unsigned>(index / warp_size);
}

void Scheduler::run_plainly(int index) {
  become(index);
  plain_ = true;
  std::exception_ptr exception;
  try {
    thread_(arguments_);
  } catch (...) {
    exception = std::current_exception();
  }
  plain_ = false;
  threads_[static_cast<std::size_t>(index)].state = State::ended;
  if (exception) rethrow(exception);
}

void Scheduler::start(int index) {
  Thread& thread = threads_[static_cast<std::size_t>(index)];
  if (thread.stack.sp == nullptr) thread.stack = protected_fixedsize_stack(stack_bytes).allocate();
  clear_stack(thread.bounds());
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
  become(index);
  void* saved = nullptr;
  before_switch(&saved, thread.bounds());
  thread.context = std::move(thread.context).resume();
  after_switch(saved, nullptr);
  if (thread.exception) rethrow(std::exchange(thread.exception, nullptr));
}

void Scheduler::wait(State state, SourcePlace place) {
  if (plain_)
    throw Error(join(text(state, place), " is not reached by all threads; ", ended_threads(), " ended before it."));
  Thread& thread = threads_[static_cast<std::size_t>(current_)];
  thread.state = state;
  thread.place = place;
  before_switch(&thread.saved, stack_);
  thread.scheduler = std::move(thread.scheduler).resume();
  after_switch(thread.saved, &stack_);
  if (abandoned_) throw Abandoned{};
}

void Scheduler::give(const void* bytes, std::size_t size, SourcePlace place) {
  // Two slots: a thread can be at most one exchange ahead of a neighbour that has still to read.
  Thread& thread = threads_[static_cast<std::size_t>(current_)];
  std::memcpy(thread.given[thread.exchanges++ % 2], bytes, size);
  wait(State::at_shuffle, place);
}

const void* Scheduler::given_by(int lane) const {
  const int slot = (threads_[static_cast<std::size_t>(current_)].exchanges - 1) % 2;
  return threads_[static_cast<std::size_t>(current_ / warp_size * warp_size + lane)].given[slot];
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

void __syncwarp(SourcePlace place) { scheduler().wait(State::at_warp_barrier, place); }

std::uint64_t exchange_in_warp(std::uint64_t bytes, int source, SourcePlace place) {
  scheduler().give(&bytes, sizeof bytes, place);
  std::memcpy(&bytes, scheduler().given_by(source), sizeof bytes);
  return bytes;
}

void give_to_warp(const void* bytes, std::size_t size, SourcePlace place) { scheduler().give(bytes, size, place); }

AsyncCopies& async_copies() { return scheduler().copies(); }

const void* given_by(int lane) { return scheduler().given_by(lane); }

unsigned ballot(bool value, SourcePlace place) {
  scheduler().give(&value, sizeof value, place);
  unsigned votes = 0;
  for (int lane = 0; lane < warp_size; ++lane)
    if (*static_cast<const bool*>(scheduler().given_by(lane))) votes |= 1u << lane;
  return votes;
}

void set_thread_order(ThreadOrder order, std::uint64_t seed) {
  const std::lock_guard<std::mutex> lock(scheduler().mutex());
  scheduler().set_turns({order, seed});
}

ThreadOrder thread_order() {
  const std::lock_guard<std::mutex> lock(scheduler().mutex());
  return scheduler().turns().order();
}

void run_grid(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, void (*thread)(const void*),
              const void* arguments) {
  scheduler().run(name, grid, block, shared_bytes, thread, arguments);
}

}  // namespace mien::kernels::emulated
