#include "download.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "mien/io/progress.h"
#include "mien/kernels/error.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;

/// Of curl: no range could be had from the server; the server answered with an error.
constexpr int range_refused = 33, server_error = 22;

struct Outcome {
  int code = 0;
  std::string message;  ///< what curl printed
};

std::int64_t size_of_file(const fs::path& path) {
  std::error_code absent;
  const auto size = fs::file_size(path, absent);
  return absent ? 0 : static_cast<std::int64_t>(size);
}

/// A pipe that no program of ours inherits.
struct Pipe {
  int from = -1, to = -1;
  Pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC) == 0, "download", "no pipe could be made: ", std::generic_category().message(errno),
          ".");
    from = ends[0], to = ends[1];
  }
  ~Pipe() {
    ::close(from);
    if (to >= 0) ::close(to);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  std::string read_all() {
    ::close(std::exchange(to, -1));
    std::string text;
    char piece[4096];
    for (ssize_t count; (count = ::read(from, piece, sizeof piece)) > 0;)
      text.append(piece, static_cast<std::size_t>(count));
    return text;
  }
};

/// Runs curl to its end, with a bar that follows the growing file.
Outcome run_curl(const Download& wanted, const fs::path& part, bool quiet, const std::string& program) {
  const std::string output = part.string();
  const std::vector<std::string> arguments{
      program,        "--fail",      "--location",        "--silent", "--show-error",  "--proto",
      "=http,https",  "--globoff",   "--connect-timeout", "30",       "--speed-limit", "1",
      "--speed-time", "60",          "--continue-at",     "-",        "--output",      output,
      "--url",        wanted.address};
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  Pipe said, failed;
  const pid_t parent = ::getpid(), child = ::fork();
  check(child >= 0, "download", "no process could be started: ", std::generic_category().message(errno), ".");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // it does not outlive us
    if (::getppid() != parent) ::_exit(127);
    ::dup2(said.to, STDERR_FILENO);
    ::execvp(pointers[0], pointers.data());
    const int cause = errno;
    (void)!::write(failed.to, &cause, sizeof cause);
    ::_exit(127);
  }
  ::close(std::exchange(failed.to, -1));
  int cause = 0;
  const bool started = ::read(failed.from, &cause, sizeof cause) <= 0;  // ends when curl has taken over
  std::unique_ptr<ProgressBar> bar;
  std::int64_t shown = size_of_file(part) >> 10;
  if (started && !quiet)
    bar = std::make_unique<ProgressBar>(wanted.bytes >> 10, wanted.target.filename().string(), stderr,
                                        ProgressOptions{.unit = "kB", .start = shown});
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::int64_t now = size_of_file(part) >> 10;
    if (bar && now > shown) bar->advance(now - shown);
    shown = std::max(shown, now);
  }
  check(started, "download", program, " cannot be started: ", std::generic_category().message(cause),
        ". Install it (apt install curl), or fetch ", wanted.address, " in another way and put it at ",
        wanted.target.string(), "; `expressions weights check` tells whether it is the right file.");
  if (bar && WIFEXITED(status) && WEXITSTATUS(status) == 0) bar->finish();
  bar.reset();
  std::string message = said.read_all();
  while (!message.empty() && message.back() == '\n') message.pop_back();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, std::move(message)};
}

void put_in_place(const fs::path& part, const fs::path& target) {
  std::error_code problem;
  fs::rename(part, target, problem);
  check(!problem, target.string(), "it cannot be put in its place: ", problem.message(), ".");
}

}  // namespace

void download(const Download& wanted, bool quiet, const std::string& program) {
  const fs::path part = wanted.target.string() + ".part";
  std::error_code problem;
  if (wanted.target.has_parent_path()) fs::create_directories(wanted.target.parent_path(), problem);
  check(!problem, wanted.target.string(), "its folder cannot be made: ", problem.message(), ".");
  const auto fault_of = [&](const fs::path& file) { return wanted.fault ? wanted.fault(file) : ""; };
  for (bool again = false;; again = true) {
    const bool goes_on = size_of_file(part) > 0;
    if (goes_on && wanted.fault && fault_of(part).empty()) return put_in_place(part, wanted.target);
    const Outcome outcome = run_curl(wanted, part, quiet, program);
    // An earlier part that is no part of this file, or a server that cannot go on: once more from the start.
    const bool useless = outcome.code == range_refused ||
                         (outcome.code == server_error && outcome.message.find("416") != std::string::npos);
    if (goes_on && !again && useless) {
      fs::remove(part, problem);
      continue;
    }
    check(
        outcome.code == 0, wanted.address, "it could not be downloaded: ",
        outcome.message.empty() ? join("curl ended with ", outcome.code) : outcome.message, ".",
        size_of_file(part) > 0 ? join(" What has come is kept in ", part.string(), "; the same command goes on.") : "");
    const std::string fault = fault_of(part);
    if (fault.empty()) return put_in_place(part, wanted.target);
    fs::remove(part, problem);
    check(goes_on && !again, wanted.address, "what came is not the file that Keras publishes: ", fault,
          " It was removed.");
  }
}

}  // namespace mien::expressions
