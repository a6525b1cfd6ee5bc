// Files are replaced whole or not at all, and read whole or refused with the reason.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "mien/io/file.h"
#include "mien/kernels/error.h"

using namespace mien;
using Catch::Matchers::Contains;

namespace {

// A folder of its own for a test, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    path_ = std::filesystem::temp_directory_path() / ("mien_test_file_" + std::to_string(::getpid()));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("a file is replaced whole and nothing is left beside it", "[file]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "data.bin";
  const std::string bytes("a\0b\n", 4);
  write_file_atomically(path, "older and longer");
  write_file_atomically(path, bytes);
  CHECK(read_file(path, 100) == bytes);
  write_file_atomically(path, "");
  CHECK(read_file(path, 0).empty());
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()) == 1);
}

TEST_CASE("a write that fails names the file and leaves the old one", "[file]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(write_file_atomically(folder.path() / "none" / "data.bin", "x"),
                    Contains("data.bin") && Contains("No such file or directory"));
  // A rename onto a folder fails after everything was written.
  std::filesystem::create_directories(folder.path() / "taken" / "inner");
  CHECK_THROWS_AS(write_file_atomically(folder.path() / "taken", "x"), Error);
  CHECK(std::filesystem::exists(folder.path() / "taken" / "inner"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()) == 1);
}

TEST_CASE("a file that cannot be read is refused with its name and the reason", "[file]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(read_file(folder.path() / "missing", 10), Contains("missing") && Contains("No such file"));
  CHECK_THROWS_WITH(read_file(folder.path(), 10), Contains("no regular file"));
  write_file_atomically(folder.path() / "big", "0123456789");
  CHECK_THROWS_WITH(read_file(folder.path() / "big", 9), Contains("10 bytes") && Contains("at most 9"));
}
