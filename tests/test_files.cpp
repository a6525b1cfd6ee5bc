// Files are whole at every moment: io/file.h.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <string>

#include "mien/io/file.h"
#include "mien/kernels/error.h"

namespace fs = std::filesystem;
using namespace mien;
using Catch::Matchers::Contains;

namespace {

// An empty folder for one test, removed afterwards.
struct Scratch {
  fs::path path;
  Scratch() {
    std::string name = (fs::temp_directory_path() / "mien_files_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Scratch() { fs::remove_all(path); }
  std::ptrdiff_t entries() const { return std::distance(fs::directory_iterator(path), fs::directory_iterator()); }
};

// Runs `work` in a process of its own and returns its exit status as waitpid gives it.
template <class Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = work();
    } catch (...) {
    }
    ::_exit(status);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

void write_version(const fs::path& folder, const std::string& version) {
  fs::create_directories(folder / "deep");
  write_file_atomically(folder / "weights", version);
  write_file_atomically(folder / "deep" / "state", version);
}

}  // namespace

TEST_CASE("write_file_atomically replaces the content and leaves nothing beside") {
  Scratch scratch;
  const fs::path file = scratch.path / "a file.bin";
  const std::string bytes("\0\1\n\r\xff", 5);
  write_file_atomically(file, "old");
  write_file_atomically(file, bytes);
  CHECK(read_file(file) == bytes);
  write_file_atomically(file, "");
  CHECK(read_file(file).empty());
  CHECK(scratch.entries() == 1);
}

TEST_CASE("write_file_atomically keeps permissions and follows symbolic links") {
  Scratch scratch;
  write_file_atomically(scratch.path / "target", "old");
  ::chmod((scratch.path / "target").c_str(), 0640);
  fs::create_symlink("target", scratch.path / "link");
  write_file_atomically(scratch.path / "link", "new");
  CHECK(fs::is_symlink(scratch.path / "link"));
  CHECK(read_file(scratch.path / "target") == "new");
  CHECK(static_cast<unsigned>(fs::status(scratch.path / "target").permissions()) == 0640u);
}

TEST_CASE("a file that cannot be written is named with the cause, and nothing changes") {
  Scratch scratch;
  const fs::path file = scratch.path / "missing" / "file";
  CHECK_THROWS_WITH(write_file_atomically(file, "x"), "[" + file.string() +
                                                          "] could not be written: No such file or directory. "
                                                          "Nothing was changed.");
  fs::create_directory(scratch.path / "folder");
  CHECK_THROWS_WITH(write_file_atomically(scratch.path / "folder", "x"), Contains("no regular file"));
  CHECK_THROWS_AS(write_file_atomically("", "x"), Error);
  CHECK(scratch.entries() == 1);
}

TEST_CASE("a full disk leaves the old file and no temporary one") {
  Scratch scratch;
  const fs::path file = scratch.path / "file";
  write_file_atomically(file, "old");
  // A limit on the file size fails write(2) half-way, as a full disk does.
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100000, 100000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomically(file, std::string(300000, 'x'));
    } catch (const Error& error) {
      const std::string text = error.what();
      return text.find("File too large. Nothing was changed.") != text.npos ? 0 : 1;
    }
    return 2;
  });
  CHECK(status == 0);
  CHECK(read_file(file) == "old");
  CHECK(scratch.entries() == 1);
}

TEST_CASE("an AtomicFile that is not committed disappears") {
  Scratch scratch;
  {
    AtomicFile file(scratch.path / "file");
    file.write("half");
    CHECK(scratch.entries() == 1);
  }
  CHECK(scratch.entries() == 0);
  AtomicFile file(scratch.path / "file");
  file.write("whole");
  file.commit();
  CHECK_THROWS_AS(file.write("more"), Error);
  CHECK(read_file(scratch.path / "file") == "whole");
}

TEST_CASE("what a killed writer left is removed, what a running one writes is not") {
  Scratch scratch;
  const int status = in_child([&] {
    AtomicFile file(scratch.path / "killed");
    file.write("half");
    ::raise(SIGKILL);
    return 0;
  });
  REQUIRE(WIFSIGNALED(status));
  AtomicFile running(scratch.path / "running");
  write_file_atomically(scratch.path / ".mine-1.writing", "not made by AtomicFile");
  CHECK(scratch.entries() == 3);
  CHECK(remove_abandoned_files(scratch.path) == 1);
  CHECK(scratch.entries() == 2);
  running.commit();
  CHECK(fs::exists(scratch.path / "running"));
  CHECK(remove_abandoned_files(scratch.path / "nowhere") == 0);
}

TEST_CASE("read_file respects its limit, on endless files too") {
  Scratch scratch;
  const fs::path file = scratch.path / "file";
  const std::string bytes(200000, 'y');
  write_file_atomically(file, bytes);
  CHECK(read_file(file) == bytes);
  CHECK(read_file(file, 200000) == bytes);
  CHECK_THROWS_WITH(read_file(file, 199999), "[" + file.string() + "] holds 200000 bytes, at most 199999 are read.");
  CHECK_THROWS_WITH(read_file("/dev/zero", 1000), Contains("no regular file"));
  CHECK_THROWS_WITH(read_file("/proc/self/stat", 3), Contains("holds more than 3 bytes"));
  REQUIRE(::mkfifo((scratch.path / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(read_file(scratch.path / "pipe"), Contains("no regular file"));
  CHECK_FALSE(read_file("/proc/self/stat").empty());
  CHECK_THROWS_WITH(read_file(scratch.path), Contains("no regular file"));
  CHECK_THROWS_WITH(read_file(scratch.path / "nothing"), Contains("could not be read: No such file or directory"));
}

TEST_CASE("an append log grows, is continued and is cut back") {
  Scratch scratch;
  const fs::path file = scratch.path / "log";
  std::uint64_t checkpoint = 0;
  {
    AppendLog log(file);
    CHECK(log.length() == 0);
    log.append("one\n");
    checkpoint = log.length();
    log.append("lost\n");
    log.flush();
  }
  AppendLog log(file);
  CHECK(log.length() == 9);
  log.cut_back(checkpoint);
  log.append("two\n");
  CHECK(log.length() == 8);
  CHECK(read_file(file) == "one\ntwo\n");
  CHECK_THROWS_WITH(log.cut_back(9), "[" + file.string() + "] cannot be cut back to 9 bytes, it holds 8.");
  AppendLog moved = std::move(log);
  moved.append("three\n");
  CHECK(read_file(file) == "one\ntwo\nthree\n");
  CHECK_THROWS_WITH(AppendLog(scratch.path), Contains("could not be opened for appending"));
}

TEST_CASE("an append that fails half-way leaves no half line") {
  Scratch scratch;
  const fs::path file = scratch.path / "log";
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    AppendLog log(file);
    log.append("kept\n");
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      log.append(std::string(3000, 'x'));
    } catch (const Error&) {
      log.append("next\n");
      return 0;
    }
    return 2;
  });
  CHECK(status == 0);
  CHECK(read_file(file) == "kept\nnext\n");
}

TEST_CASE("replace_folder_atomically puts a whole folder in place") {
  const FolderSwap swap = GENERATE(FolderSwap::exchange, FolderSwap::two_renames);
  Scratch scratch;
  const fs::path last = scratch.path / "last";
  CHECK(make_folder_beside(scratch.path / "last/") == scratch.path / ".last.new");
  write_version(scratch.path / ".last.new" / "stale", "0");
  for (const std::string version : {"1", "2", "3"}) {
    const fs::path fresh = make_folder_beside(last);
    write_version(fresh, version);
    replace_folder_atomically(fresh, last, swap);
    CHECK(read_file(last / "deep" / "state") == version);
    CHECK(scratch.entries() == 1);
    CHECK_FALSE(fs::exists(last / "stale"));
  }
  CHECK_THROWS_WITH(replace_folder_atomically(scratch.path / "none", last), Contains("No such file or directory"));
  CHECK_THROWS_WITH(make_folder_beside(scratch.path / "none" / "last"), Contains("No such file or directory"));
  CHECK_THROWS_WITH(replace_folder_atomically("/none", last), Contains("beside it"));
}

TEST_CASE("recover_folder repairs every state between the two renames") {
  Scratch scratch;
  const fs::path last = scratch.path / "last", aside = scratch.path / ".last.old";
  CHECK_FALSE(recover_folder(last));
  write_version(make_folder_beside(last), "unfinished");
  CHECK_FALSE(recover_folder(last));
  CHECK(scratch.entries() == 0);

  write_version(aside, "old");
  write_version(make_folder_beside(last), "new");
  CHECK(recover_folder(last));
  CHECK(read_file(last / "weights") == "old");
  CHECK(scratch.entries() == 1);

  write_version(aside, "older");
  CHECK(recover_folder(last));
  CHECK(read_file(last / "weights") == "old");
  CHECK(scratch.entries() == 1);
}

TEST_CASE("a writer killed at any moment leaves one complete folder") {
  const FolderSwap swap = GENERATE(FolderSwap::exchange, FolderSwap::two_renames);
  Scratch scratch;
  const fs::path last = scratch.path / "last";
  write_version(last, "0");
  for (int delay = 0; delay < 12; ++delay) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int version = 1;; ++version) {
        const fs::path fresh = make_folder_beside(last);
        write_version(fresh, std::to_string(version));
        replace_folder_atomically(fresh, last, swap);
      }
    }
    ::usleep(1500 + 377 * static_cast<unsigned>(delay));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    REQUIRE(recover_folder(last));
    CHECK(read_file(last / "weights") == read_file(last / "deep" / "state"));
    CHECK(scratch.entries() == 1);
  }
}
