// The program `expressions` for its tests: small drawn faces, short trainings.
#pragma once

#include <catch2/catch.hpp>

#include "child_process.h"

namespace mien::testing {

/// A folder in which `expressions` is run.
class Workplace : public ScratchFolder {
 public:
  Outcome run(const std::vector<std::string>& arguments) const {
    return ChildProcess(command(arguments), path()).wait();
  }

  static std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), MIEN_PROGRAM);
    return arguments;
  }

  /// Six people, three takes, 32 × 32: 90 pictures in faces/.
  void draw_faces() const {
    const Outcome drawn = run({"synth", "faces", "--people", "6", "--takes", "3", "--size", "32", "--quiet"});
    REQUIRE(drawn.exit_code == 0);
  }

  /// What training such faces takes, with more options behind.
  static std::vector<std::string> training(const std::string& out, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"train", "--data",   "faces", "--out",      out,  "--size", "32", "--batch",
                                 "16",    "--epochs", "6",     "--patience", "20", "--seed", "3",  "--quiet"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

/// Whether two runs came to the same: weights, metrics and history, to the bit.
inline void check_same_run(const std::filesystem::path& a, const std::filesystem::path& b) {
  for (const char* file : {"best.safetensors", "metrics.json", "history.csv", "last/weights.safetensors"}) {
    INFO(file);
    const std::string here = contents(a / file);
    CHECK(!here.empty());
    CHECK((here == contents(b / file)));
  }
}

}  // namespace mien::testing
