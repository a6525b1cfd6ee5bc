#include "mien/io/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "mien/core/numbers.h"
#include "mien/io/text.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

constexpr std::string_view cyan = "\x1b[36m", plain = "\x1b[0m";
constexpr int narrowest_bar = 10, widest_bar = 30;

bool set_in_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// A terminal that can at least return to the start of its line.
bool is_terminal(std::FILE* stream) {
  const char* kind = std::getenv("TERM");
  return ::isatty(::fileno(stream)) == 1 && !(kind != nullptr && std::string_view(kind) == "dumb");
}

int terminal_width(std::FILE* stream) {
  winsize size{};
  return ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string line;
  for (const std::string& part : parts)
    if (!part.empty()) line += (line.empty() ? "" : "  ") + part;
  return line;
}

std::string rate_text(double rate, const std::string& unit) {
  if (rate <= 0) return "";
  return (rate < 9.95 ? fixed(rate, 1) : grouped(std::llround(std::min(rate, 1e15)))) + " " + unit + "/s";
}

std::string count_text(const ProgressState& state) {
  return join(grouped(state.done), state.total > 0 ? "/" : "", state.total > 0 ? grouped(state.total) : "", " ",
              state.unit);
}

std::string bar_text(double share, int width, bool colour) {
  const int inner = width - 2, full = static_cast<int>(share * inner);
  std::string done, left;
  for (int i = 0; i < inner; ++i) (i <= full ? done : left) += i < full ? '=' : i == full ? '>' : ' ';
  return colour ? join("[", cyan, done, plain, left, "]") : join("[", done, left, "]");
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string progress_line(const ProgressState& state, int width, bool colour) {
  std::string share, remaining;
  double fraction = 0;
  if (state.total > 0) {
    fraction = std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
    share = fixed(std::floor(100 * fraction), 0) + " %";
    if (state.rate > 0 && state.done < state.total)
      remaining = "ETA " + duration(static_cast<double>(state.total - state.done) / state.rate);
  }
  std::string count = count_text(state), rate = rate_text(state.rate, state.unit);
  const auto line = [&](const std::string& bar) {
    return joined({state.label, bar, share, count, rate, remaining, state.metrics});
  };
  if (width <= 0) return line("");
  const int room = width - columns(line("")) - 2;
  if (state.total > 0 && room >= narrowest_bar) return line(bar_text(fraction, std::min(room, widest_bar), colour));
  if (columns(line("")) > width) rate.clear();
  if (columns(line("")) > width && state.total > 0) count.clear();
  return cut_to_width(line(""), width);
}

ProgressBar::ProgressBar(std::int64_t total, std::string label, std::FILE* stream, ProgressOptions options)
    : options_(std::move(options)), stream_(stream) {
  check(total >= 0 && options_.start >= 0, "progress", "counts are not negative. Got total=", total,
        ", start=", options_.start, ".");
  if (!options_.clock) options_.clock = steady_seconds;
  state_.label = std::move(label);
  state_.unit = options_.unit;
  state_.total = total;
  state_.done = measured_done_ = options_.start;
  terminal_ = !options_.quiet && is_terminal(stream_);
  colour_ = terminal_ && !set_in_environment("NO_COLOR");
  began_ = shown_ = measured_ = options_.clock();
}

ProgressBar::~ProgressBar() {
  if (drawn_ == 0) return;
  std::fputc('\n', stream_);
  std::fflush(stream_);
}

// The rate of late counts most (its weight falls to 1/e in ten seconds), so that the remaining time follows changes of
// speed without jumping.
void ProgressBar::measure(double now) {
  const double passed = now - measured_;
  if (passed < 0.05) return;
  const double rate = static_cast<double>(state_.done - measured_done_) / passed;
  const double weight = state_.rate > 0 ? 1 - std::exp(-passed / 10) : 1;
  state_.rate += weight * (rate - state_.rate);
  measured_ = now;
  measured_done_ = state_.done;
}

void ProgressBar::advance(std::int64_t count, std::string_view metrics) {
  const std::lock_guard lock(mutex_);
  if (options_.quiet || finished_) return;
  state_.done += count;
  if (!metrics.empty()) state_.metrics = metrics;
  const double now = options_.clock();
  if (now - shown_ < (terminal_ ? options_.redraw : options_.report)) return;
  shown_ = now;
  measure(now);
  if (terminal_) return draw();
  std::fprintf(stream_, "%s\n", progress_line(state_, 0).c_str());
  std::fflush(stream_);
}

void ProgressBar::draw() {
  // The last column stays free: some terminals wrap as soon as it is filled.
  const int width = std::max(terminal_width(stream_) - 1, 1);
  // Spaces cover what a longer line before left; they need no ANSI code.
  const int used = columns(progress_line(state_, width)), leftover = std::clamp(drawn_ - used, 0, width - used);
  std::fprintf(stream_, "\r%s%*s", progress_line(state_, width, colour_).c_str(), leftover, "");
  std::fflush(stream_);
  drawn_ = used;
}

void ProgressBar::erase() {
  if (drawn_ == 0) return;
  const int width = std::min(drawn_, std::max(terminal_width(stream_) - 1, 1));
  std::fprintf(stream_, "\r%*s\r", width, "");
  std::fflush(stream_);
  drawn_ = 0;
}

void ProgressBar::clear() {
  const std::lock_guard lock(mutex_);
  erase();
}

void ProgressBar::finish(std::string_view metrics) {
  const std::lock_guard lock(mutex_);
  if (options_.quiet || std::exchange(finished_, true)) return;
  erase();
  if (!metrics.empty()) state_.metrics = metrics;
  const double seconds = options_.clock() - began_;
  const double rate = seconds > 0 ? static_cast<double>(state_.done - options_.start) / seconds : 0;
  const std::string line = joined(
      {state_.label, count_text(state_) + " in " + duration(seconds), rate_text(rate, state_.unit), state_.metrics});
  std::fprintf(stream_, "%s\n", line.c_str());
  std::fflush(stream_);
}

}  // namespace mien
