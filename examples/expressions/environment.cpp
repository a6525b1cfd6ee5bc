#include "environment.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "mien/core/numbers.h"
#include "mien/kernels/error.h"

namespace mien::expressions {
namespace {

volatile std::sig_atomic_t interrupted_flag = 0;

extern "C" void on_interrupt(int) {
  interrupted_flag = 1;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

void pin_threads(char** arguments) {
  // Each thread keeps to its core: unbound, two were seen to share one and double the time.
  const bool changed = !std::getenv("OMP_PROC_BIND") && setenv("OMP_PROC_BIND", "true", 0) == 0;
  if (changed) execv("/proc/self/exe", arguments);  // returns only where it fails: then it goes on unpinned
}

InterruptGuard::InterruptGuard() {
  interrupted_flag = 0;
  std::signal(SIGINT, on_interrupt);
}
InterruptGuard::~InterruptGuard() { std::signal(SIGINT, SIG_DFL); }
bool InterruptGuard::interrupted() { return interrupted_flag != 0; }

std::string machine() {
  std::string model = "unknown processor";
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos) {
      model = line.substr(line.find(": ") + 2);
      break;
    }
  const double bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  return join(model, ", ", std::thread::hardware_concurrency(), " processors, ", fixed(bytes / (1 << 30), 0), " GiB");
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return text.data();
}

}  // namespace mien::expressions
