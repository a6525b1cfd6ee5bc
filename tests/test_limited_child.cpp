// Work in a child process with limits: whatever becomes of it, the parent hears of it as an Error.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "mien/io/limited_child.h"
#include "mien/kernels/error.h"
#include "mien/layers/layers.h"

using namespace mien;

namespace {

std::string error_of(const ChildLimits& limits, const std::function<void(int)>& work) {
  try {
    LimitedChild child("file.h5", limits, work);
    char byte;
    child.read(&byte, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("what a child writes is read, in pieces of any size", "[limited_child]") {
  std::vector<int> sent(100'000);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<int>(i * 7);
  LimitedChild child("numbers", {}, [&](int descriptor) {
    const char* place = reinterpret_cast<const char*>(sent.data());
    for (std::size_t left = sent.size() * sizeof(int); left > 0;) {
      const ssize_t written = write(descriptor, place, std::min<std::size_t>(left, 12'345));
      if (written <= 0) _exit(9);
      place += written, left -= static_cast<std::size_t>(written);
    }
  });
  std::vector<int> got(sent.size());
  child.read(got.data(), 4);
  child.read(got.data() + 1, (got.size() - 1) * sizeof(int));
  CHECK(got == sent);
  char more;
  CHECK_THROWS_WITH(child.read(&more, 1), Catch::Contains("ended too early (exit code 0)"));
}

TEST_CASE("a crash, an endless loop, hunger for memory and an early end are errors with the file's name",
          "[limited_child]") {
  CHECK(error_of({}, [](int) { raise(SIGSEGV); }) ==
        "[file.h5] the process that read it crashed (signal 11): the file must be damaged.");
  CHECK_THAT(error_of({}, [](int) { std::abort(); }), Catch::Contains("crashed (signal 6)"));
  CHECK_THAT(error_of({}, [](int) { throw Error("never seen"); }), Catch::Contains("ended too early (exit code 1)"));
  CHECK_THAT(error_of({}, [](int) { _exit(4); }), Catch::Contains("ended too early (exit code 4)"));
  const auto start = std::chrono::steady_clock::now();
  CHECK_THAT(error_of({.seconds = 0.25},
                      [](int) {
                        for (;;) pause();
                      }),
             Catch::Contains("[file.h5] reading it took longer than 0.25 s"));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  const std::string hungry = error_of({.memory = 32 << 20}, [](int descriptor) {
    std::vector<std::vector<char>> all;
    for (int i = 0; i < 64; ++i) all.emplace_back(4 << 20, 'x');
    static_cast<void>(write(descriptor, all.back().data(), 1));
  });
  CHECK_THAT(hungry, Catch::Contains("[file.h5] the process that read it"));
#if !defined(__SANITIZE_ADDRESS__)  // which ends the process itself
  CHECK_THAT(hungry, Catch::Contains("wanted more memory than such a file needs"));
#endif
}

TEST_CASE("a child writes no file, prints nothing and has no file of the program's open", "[limited_child]") {
  const int open_here = dup(0);
  LimitedChild child("facts", {}, [=](int descriptor) {
    const char facts[3] = {static_cast<char>(write(open_here, "", 0) < 0 && fcntl(open_here, F_GETFD) < 0),
                           static_cast<char>(isatty(1) == 0), static_cast<char>(isatty(2) == 0)};
    static_cast<void>(write(descriptor, facts, sizeof facts));
  });
  char facts[3];
  child.read(facts, sizeof facts);
  close(open_here);
  CHECK(std::memcmp(facts, "\1\1\1", 3) == 0);
}

TEST_CASE("children of several threads at once, beside a network at work, do not wait for one another",
          "[limited_child]") {
  std::vector<std::thread> threads;
  std::vector<int> sums(4, 0);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t, &sums] {
      for (int i = 0; i < 20; ++i) {
        LimitedChild child("thread", {}, [=](int descriptor) {
          std::vector<std::vector<int>> memory;
          for (int j = 1; j < 200; ++j) memory.emplace_back(static_cast<std::size_t>(j * 31), j);
          static_cast<void>(write(descriptor, &memory.back().back(), sizeof(int)));
        });
        int got = 0;
        child.read(&got, sizeof got);
        sums[static_cast<std::size_t>(t)] += got;
      }
    });
  Sequential net{Conv2D(8, 3), Flatten(), Dense(4)};
  net.build({24, 24, 3}, 1);
  for (int i = 0; i < 50; ++i) net(Tensor::zeros({4, 24, 24, 3}));
  for (std::thread& thread : threads) thread.join();
  CHECK(sums == std::vector<int>(4, 20 * 199));
}
