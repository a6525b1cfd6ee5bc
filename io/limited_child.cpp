#include "mien/io/limited_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <system_error>

#include "mien/core/numbers.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

constexpr int no_memory = 3;  // the child's exit code

std::int64_t now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

void limit(decltype(RLIMIT_AS) what, std::uint64_t most) {
  rlimit limits{};
  if (getrlimit(what, &limits) != 0) return;
  limits.rlim_cur = std::min<rlim_t>(limits.rlim_max, most);
  static_cast<void>(setrlimit(what, &limits));
}

/// Bytes of address space that this process has, or 0 where that is not known.
std::uint64_t mapped_bytes() {
  char text[64] = {};
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  return length > 0 ? std::strtoull(text, nullptr, 10) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

/// In the child: nothing of the program's may run, print, be written or stay behind.
void confine(const ChildLimits& limits, pid_t parent, int pipe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  for (const int signal_number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE, SIGTERM, SIGXCPU})
    signal(signal_number, SIG_DFL);
  signal(SIGINT, SIG_IGN);  // Ctrl-C is the program's to handle; it kills us
  const int nowhere = open("/dev/null", O_RDWR);
  if (nowhere >= 0)
    for (const int stream : {0, 1, 2}) dup2(nowhere, stream);
#ifdef SYS_close_range  // another child's pipe among them would stay open beyond that child's end
  if (pipe > 3) syscall(SYS_close_range, 3u, static_cast<unsigned>(pipe) - 1, 0u);
  syscall(SYS_close_range, static_cast<unsigned>(pipe) + 1, ~0u, 0u);
#endif
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(std::ceil(limits.seconds)) + 1);
  if (const std::uint64_t mapped = mapped_bytes()) limit(RLIMIT_AS, mapped + limits.memory);
}

}  // namespace

LimitedChild::LimitedChild(std::string where, const ChildLimits& limits, const std::function<void(int)>& work)
    : where_(std::move(where)),
      seconds_(limits.seconds),
      deadline_(now() + static_cast<std::int64_t>(limits.seconds * 1000)) {
  int ends[2];
  check(pipe2(ends, O_CLOEXEC) == 0, where_, "no pipe could be made: ", std::generic_category().message(errno), ".");
  const pid_t parent = getpid();
  process_ = fork();
  if (process_ == 0) {
    confine(limits, parent, ends[1]);
    try {
      work(ends[1]);
    } catch (const std::bad_alloc&) {
      _exit(no_memory);
    } catch (...) {
      _exit(1);
    }
    _exit(0);
  }
  const int cause = errno;
  close(ends[1]);
  pipe_ = ends[0];
  if (process_ < 0) {
    close(pipe_);
    fail(where_, "no child process could be made: ", std::generic_category().message(cause), ".");
  }
}

LimitedChild::~LimitedChild() { stop(); }

void LimitedChild::stop() noexcept {
  if (pipe_ >= 0) close(pipe_);
  pipe_ = -1;
  if (process_ <= 0) return;
  kill(process_, SIGKILL);
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
  process_ = 0;
}

std::string LimitedChild::end() {
  int status = 0;
  pid_t ended = 0;
  while ((ended = waitpid(process_, &status, 0)) < 0 && errno == EINTR) continue;
  process_ = 0;
  if (ended < 0) return "ended";  // the program has waited for it itself
  if (WIFSIGNALED(status)) return join("crashed (signal ", WTERMSIG(status), ')');
  if (WIFEXITED(status) && WEXITSTATUS(status) == no_memory) return "wanted more memory than such a file needs";
  return join("ended too early (exit code ", WEXITSTATUS(status), ')');
}

void LimitedChild::read(void* to, std::size_t bytes) {
  auto* place = static_cast<char*>(to);
  while (bytes > 0) {
    pollfd wait{pipe_, POLLIN, 0};
    const std::int64_t left = deadline_ - now();
    const int ready = left > 0 ? poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left, 1'000'000))) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && deadline_ - now() > 0) continue;
    if (ready <= 0) {
      stop();
      fail(where_, "reading it took longer than ", shortest(seconds_), " s: the file must be damaged.");
    }
    const ssize_t got = ::read(pipe_, place, bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(where_, "the process that read it ", end(), ": the file must be damaged.");
    place += got;
    bytes -= static_cast<std::size_t>(got);
  }
}

}  // namespace mien
