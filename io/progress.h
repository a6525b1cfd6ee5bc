// A progress bar for people who wait: how much, how fast, how long still, and how well it goes.
//
// On a terminal one line is redrawn in place. Elsewhere (a file, a pipe, CI) plain lines appear, one when the work is
// done and, if it lasts, one every half a minute. Nothing but colour uses ANSI codes, and NO_COLOR turns that off.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace mien {

struct ProgressOptions {
  std::string unit = "images";  ///< what is counted: "images" shows "123 images/s"
  std::int64_t start = 0;       ///< what was done before, by the run that is resumed
  bool quiet = false;           ///< print nothing
  double redraw = 0.1;          ///< seconds between two redraws on a terminal
  double report = 30;           ///< seconds between two lines elsewhere
  /// Seconds since any fixed moment; the steady clock if empty.
  std::function<double()> clock = {};
};

/// What a progress line tells.
struct ProgressState {
  std::string label = {};    ///< "epoch 3/100"
  std::string unit = {};     ///< "images"
  std::string metrics = {};  ///< "loss 1.234"
  std::int64_t done = 0;
  std::int64_t total = 0;  ///< 0: unknown
  double rate = 0;         ///< units a second; 0: unknown
};

/// The line in at most `width` columns. Where there is little room the bar goes first, then the rate, then the count.
/// A width of 0 is no limit; there is no bar then.
std::string progress_line(const ProgressState& state, int width, bool colour = false);

/// Counts up to `total` and shows it on `stream`. May be advanced from several threads.
class ProgressBar {
 public:
  /// A `total` of 0 is unknown: count and rate are shown, no bar and no remaining time. The bar borrows `stream`.
  ProgressBar(std::int64_t total, std::string label, std::FILE* stream = stderr, ProgressOptions options = {});

  /// Ends the line of an unfinished bar, so that what is printed next starts a new one.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `count` more are done. `metrics` is shown at the end of the line until replaced; empty keeps the last ones.
  void advance(std::int64_t count = 1, std::string_view metrics = {});

  /// Takes the bar off the terminal, so that something else can be printed; the next advance() brings it back.
  void clear();

  /// Replaces the bar by a closing line: label, count, time taken, rate, and `metrics` if any are given.
  void finish(std::string_view metrics = {});

 private:
  void measure(double now);
  void draw();
  void erase();

  ProgressState state_;
  ProgressOptions options_;
  std::FILE* stream_;
  std::mutex mutex_;
  bool terminal_ = false, colour_ = false, finished_ = false;
  int drawn_ = 0;  // columns of the line that stands on the terminal
  double began_ = 0, shown_ = 0, measured_ = 0;
  std::int64_t measured_done_ = 0;
};

}  // namespace mien
