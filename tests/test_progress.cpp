// The progress bar, on a pseudo-terminal and into a file.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "mien/io/progress.h"
#include "mien/kernels/error.h"

using namespace mien;
using Catch::Matchers::Contains;

namespace {

// Sets an environment variable for one test (or removes it, given nullptr) and puts the old value back afterwards.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = ::getenv(name)) old_ = old, had_ = true;
    set(value);
  }
  ~Environment() { set(had_ ? old_.c_str() : nullptr); }

 private:
  void set(const char* value) { value ? ::setenv(name_, value, 1) : ::unsetenv(name_); }
  const char* name_;
  std::string old_;
  bool had_ = false;
};

// A terminal of so many columns whose screen a test can read.
class Terminal {
 public:
  explicit Terminal(unsigned short width) {
    screen_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    REQUIRE(screen_ >= 0);
    REQUIRE(::grantpt(screen_) == 0);
    REQUIRE(::unlockpt(screen_) == 0);
    const int line = ::open(::ptsname(screen_), O_RDWR | O_NOCTTY);
    REQUIRE(line >= 0);
    winsize size{};
    size.ws_row = 24, size.ws_col = width;
    REQUIRE(::ioctl(line, TIOCSWINSZ, &size) == 0);
    stream = ::fdopen(line, "w");
  }
  ~Terminal() {
    std::fclose(stream);
    ::close(screen_);
  }
  std::string take() {
    std::fflush(stream);
    char text[4096];
    const ssize_t length = ::read(screen_, text, sizeof text);
    return {text, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
  }
  std::FILE* stream = nullptr;

 private:
  int screen_ = -1;
};

std::string content(std::FILE* file) {
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  REQUIRE(std::fread(text.data(), 1, text.size(), file) == text.size());
  return text;
}

}  // namespace

TEST_CASE("a progress line drops the bar, then the rate, then the count where there is little room") {
  const ProgressState state{
      .label = "epoch 3/100", .unit = "images", .metrics = "loss 1.234", .done = 270, .total = 600, .rate = 123.4};
  CHECK(progress_line(state, 120) ==
        "epoch 3/100  [============>               ]  45 %  270/600 images  123 images/s  ETA 2.7 s  loss 1.234");
  CHECK(progress_line(state, 84) ==
        "epoch 3/100  [====>     ]  45 %  270/600 images  123 images/s  ETA 2.7 s  loss 1.234");
  CHECK(progress_line(state, 80) == "epoch 3/100  45 %  270/600 images  123 images/s  ETA 2.7 s  loss 1.234");
  CHECK(progress_line(state, 60) == "epoch 3/100  45 %  270/600 images  ETA 2.7 s  loss 1.234");
  CHECK(progress_line(state, 40) == "epoch 3/100  45 %  ETA 2.7 s  loss 1.234");
  CHECK(progress_line(state, 14) == "epoch 3/100  …");
  CHECK(progress_line(state, 0) == "epoch 3/100  45 %  270/600 images  123 images/s  ETA 2.7 s  loss 1.234");
  CHECK(progress_line({.label = "Zoë", .unit = "files", .done = 1234}, 60) == "Zoë  1,234 files");
  CHECK(progress_line({.label = "Zoë", .unit = "files", .done = 1234}, 3) == "Zo…");
}

TEST_CASE("a bar is empty at the start and full at the end") {
  ProgressState state{.label = "a", .unit = "files", .done = 0, .total = 8};
  CHECK(progress_line(state, 33) == "a  [>           ]  0 %  0/8 files");
  state.done = 8;
  CHECK(progress_line(state, 35) == "a  [============]  100 %  8/8 files");
  state.done = 9;
  CHECK_THAT(progress_line(state, 35), Contains("100 %"));
}

TEST_CASE("on a terminal one line is redrawn and covered whole") {
  const Environment term("TERM", "xterm"), no_colour("NO_COLOR", "1");
  Terminal terminal(72);
  double now = 0;
  ProgressBar bar(600, "train", terminal.stream, {.clock = [&] { return now; }});
  bar.advance(10, "loss 10.5");
  CHECK(terminal.take().empty());
  now = 1;
  bar.advance(90);
  CHECK(terminal.take() == "\rtrain  16 %  100/600 images  100 images/s  ETA 5.0 s  loss 10.5");
  now = 2;
  bar.advance(100, "loss 2");
  CHECK(terminal.take() == "\rtrain  33 %  200/600 images  100 images/s  ETA 4.0 s  loss 2   ");
  bar.clear();
  CHECK(terminal.take() == "\r" + std::string(60, ' ') + "\r");
  now = 6;
  bar.finish("loss 1");
  CHECK(terminal.take() == "train  200/600 images in 6.0 s  33 images/s  loss 1\r\n");
  bar.advance(1);
  bar.finish();
  CHECK(terminal.take().empty());
}

TEST_CASE("a bar is coloured unless NO_COLOR is set, and a dumb terminal gets plain lines") {
  const Environment term("TERM", "xterm");
  const auto drawn = [](Terminal& terminal) {
    double now = 0;
    ProgressBar bar(10, "x", terminal.stream, {.clock = [&] { return now; }});
    now = 1;
    bar.advance(5);
    return terminal.take();
  };
  {
    const Environment colour("NO_COLOR", nullptr);
    Terminal terminal(80);
    CHECK_THAT(drawn(terminal), Contains("[\x1b[36m====") && Contains("\x1b[0m"));
    // The unfinished bar ends its line when it goes.
    CHECK(terminal.take() == "\r\n");
  }
  const Environment no_colour("NO_COLOR", "1");
  Terminal terminal(80);
  CHECK_THAT(drawn(terminal), Contains("[====") && !Contains("\x1b"));
  const Environment dumb("TERM", "dumb");
  Terminal plain(80);
  CHECK(drawn(plain).empty());
}

TEST_CASE("into a file go sparse plain lines") {
  std::FILE* file = std::tmpfile();
  double now = 0;
  {
    ProgressBar bar(1000, "decode", file, {.unit = "files", .clock = [&] { return now; }});
    for (int i = 0; i < 500; ++i) {
      now += 0.1;
      bar.advance(2);
    }
    bar.finish();
  }
  CHECK(content(file) ==
        "decode  60 %  600/1,000 files  20 files/s  ETA 20 s\n"
        "decode  1,000/1,000 files in 50 s  20 files/s\n");
  std::fclose(file);
}

TEST_CASE("a quiet bar prints nothing, a resumed one counts its own work for the rate") {
  std::FILE* file = std::tmpfile();
  double now = 0;
  {
    ProgressBar quiet(10, "x", file, {.quiet = true, .report = 0, .clock = [&] { return now; }});
    quiet.advance(5);
    quiet.finish();
  }
  CHECK(std::ftell(file) == 0);
  ProgressBar resumed(100, "x", file, {.start = 80, .clock = [&] { return now; }});
  now = 2;
  resumed.advance(20);
  resumed.finish();
  CHECK(content(file) == "x  100/100 images in 2.0 s  10 images/s\n");
  std::fclose(file);
  CHECK_THROWS_AS(ProgressBar(-1, "x"), Error);
}
