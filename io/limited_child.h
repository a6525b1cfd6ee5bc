// Work that may go wrong in any way, done in a child process: its crash, its endless loop and its hunger for memory
// become an Error here.
//
// The child is a fork() without an exec(): a library must work in any program, wherever it was copied to, and a helper
// program would have to be found first. What a fork without exec must not do in a program with threads is wait for a
// lock that a thread held which is not there any more. So the work may use malloc (glibc makes it whole again after a
// fork) and libraries without threads, but no OpenMP, no streams and no CUDA; and the child ends with _exit(), so that
// nothing of the program's runs in it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

namespace mien {

struct ChildLimits {
  std::uint64_t memory = std::uint64_t{64} << 20;  ///< bytes beyond what the program has mapped already
  double seconds = 10;
};

/// A child process at work; what it writes to its end of a pipe is read here. Destroyed early, it is killed.
class LimitedChild {
 public:
  /// Starts `work(descriptor)` in a child that has no file open but that descriptor, writes no file, leaves no core,
  /// prints nothing and does not outlive the thread that made it. `where` stands in messages. Throws where there can be
  /// no child.
  LimitedChild(std::string where, const ChildLimits& limits, const std::function<void(int descriptor)>& work);
  ~LimitedChild();
  LimitedChild(const LimitedChild&) = delete;
  LimitedChild& operator=(const LimitedChild&) = delete;

  /// Reads exactly so many bytes. Throws Error that says what became of the child where it wrote fewer, or not in time.
  void read(void* to, std::size_t bytes);

 private:
  /// Waits for the end; says how it came.
  std::string end();
  void stop() noexcept;

  std::string where_;
  double seconds_;
  std::int64_t deadline_;  // in milliseconds of the steady clock
  int pipe_ = -1;
  pid_t process_ = 0;
};

}  // namespace mien
