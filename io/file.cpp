#include "mien/io/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "mien/kernels/error.h"

namespace mien {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view writing_suffix = ".writing";

std::string reason(int cause) { return std::generic_category().message(cause); }

// A file descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

void close_quietly(int& descriptor) noexcept {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

// Writes everything; returns 0 or the errno of the write that failed.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// Some file systems know no fsync for some kinds of file; there is nothing more to be done on them.
int flush_descriptor(int descriptor) {
  while (::fsync(descriptor) != 0) {
    if (errno == EINVAL || errno == ENOTSUP || errno == EROFS) return 0;
    if (errno != EINTR) return errno;
  }
  return 0;
}

int flush_path(const fs::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return descriptor.get() < 0 ? errno : flush_descriptor(descriptor.get());
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// Where a chain of symbolic links ends: renaming onto a link would replace the link, not what it points to.
fs::path follow_links(fs::path path) {
  std::error_code ignored;
  for (int links = 0; links < 40 && fs::is_symlink(path, ignored); ++links) {
    const fs::path target = fs::read_symlink(path, ignored);
    path = target.is_absolute() ? target : folder_of(path) / target;
  }
  return path;
}

// ".NAME.PROCESS-COUNT.writing", within the 255 bytes that a name may have.
fs::path hidden_name_beside(const fs::path& path) {
  static std::atomic<unsigned> count{0};
  return folder_of(path) /
         join(".", path.filename().string().substr(0, 200), ".", ::getpid(), "-", count++, writing_suffix);
}

// The process in a name made by hidden_name_beside(), or 0 if it is no such name.
pid_t process_in_name(std::string_view name) {
  if (name.empty() || name.front() != '.' || !name.ends_with(writing_suffix)) return 0;
  name.remove_suffix(writing_suffix.size());
  const std::size_t dash = name.rfind('-'), dot = name.rfind('.');
  if (dash == name.npos || dot == name.npos || dot > dash) return 0;
  pid_t process = 0;
  const auto [end, error] = std::from_chars(name.data() + dot + 1, name.data() + dash, process);
  return error == std::errc() && end == name.data() + dash && process > 0 ? process : 0;
}

// A folder name without a trailing slash, so that filename() is its name.
fs::path folder_path(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

// The hidden names beside a folder: ".NAME.new" while it is written, ".NAME.old" when it steps aside.
fs::path hidden_folder(const fs::path& folder, std::string_view role) {
  return folder_of(folder) / join(".", folder.filename().string(), ".", role);
}

// Flushes all files and folders below `folder`; returns 0 or an errno.
int flush_tree(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::file_type type = entry->symlink_status(error).type();
    if (error || (type != fs::file_type::regular && type != fs::file_type::directory)) continue;
    if (const int cause = flush_path(entry->path())) return cause;
  }
  return error ? error.value() : flush_path(folder);
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : path_(follow_links(path)), temporary_(hidden_name_beside(path_)) {
  check(!path.empty(), "file", "a file to be written needs a name.");
  struct stat existing;
  const bool exists = ::stat(path_.c_str(), &existing) == 0;
  if (exists && !S_ISREG(existing.st_mode)) fail(path.string(), "could not be written: it is no regular file.");
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int cause = errno;
    fail(path.string(), "could not be written: ", reason(cause), ". Nothing was changed.");
  }
  if (exists) static_cast<void>(::fchmod(descriptor_, existing.st_mode & 07777));
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ < 0) return;
  close_quietly(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::give_up(int cause) {
  discard();
  fail(path_.string(), "could not be written: ", reason(cause), ". Nothing was changed.");
}

void AtomicFile::write(std::string_view bytes) {
  check(descriptor_ >= 0, path_.string(), "is written already or was given up.");
  if (const int cause = write_all(descriptor_, bytes)) give_up(cause);
}

void AtomicFile::commit() {
  check(descriptor_ >= 0, path_.string(), "is written already or was given up.");
  if (const int cause = flush_descriptor(descriptor_)) give_up(cause);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) give_up(errno);
  close_quietly(descriptor_);
  flush_path(folder_of(path_));
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  const auto give_up = [&](int cause) { fail(path.string(), "could not be read: ", reason(cause), "."); };
  // Opened without waiting: a pipe without a writer would never answer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status;
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) give_up(errno);
  check(S_ISREG(status.st_mode), path.string(), "could not be read: it is no regular file.");
  const auto expected = static_cast<std::uint64_t>(status.st_size);
  check(expected <= max_bytes, path.string(), "holds ", expected, " bytes, at most ", max_bytes, " are read.");
  // One byte more than expected is asked for, so as to see the end; the file may still have grown since, and those of
  // /proc claim to be empty.
  std::string bytes;
  std::uint64_t want = expected + 1;
  for (;;) {
    const std::size_t have = bytes.size();
    bytes.resize(want);
    const ssize_t got = ::read(file.get(), bytes.data() + have, want - have);
    if (got < 0 && errno != EINTR) give_up(errno);
    bytes.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return bytes;
    check(bytes.size() <= max_bytes, path.string(), "holds more than ", max_bytes, " bytes, no more are read.");
    if (bytes.size() == want) want = std::min(max_bytes, want + 65535) + 1;
  }
}

int remove_abandoned_files(const fs::path& folder) {
  int removed = 0;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const pid_t process = process_in_name(entry->path().filename().string());
    if (process == 0 || ::kill(process, 0) == 0 || errno != ESRCH) continue;
    std::error_code unremovable;
    if (fs::remove(entry->path(), unremovable)) ++removed;
  }
  return removed;
}

AppendLog::AppendLog(const fs::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  struct stat status;
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
    const int cause = errno;
    close_quietly(descriptor_);
    fail(path.string(), "could not be opened for appending: ", reason(cause), ".");
  }
  length_ = static_cast<std::uint64_t>(status.st_size);
}

AppendLog::~AppendLog() { close_quietly(descriptor_); }

AppendLog::AppendLog(AppendLog&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), length_(other.length_) {}

AppendLog& AppendLog::operator=(AppendLog&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(length_, other.length_);
  return *this;
}

void AppendLog::append(std::string_view bytes) {
  if (const int cause = write_all(descriptor_, bytes)) {
    const bool restored = ::ftruncate(descriptor_, static_cast<off_t>(length_)) == 0;
    fail(path_.string(), "could not be appended to: ", reason(cause),
         restored ? ". Nothing was changed." : ". Its end may be damaged.");
  }
  length_ += bytes.size();
}

void AppendLog::flush() {
  if (const int cause = flush_descriptor(descriptor_))
    fail(path_.string(), "could not be flushed to the disk: ", reason(cause), ".");
}

void AppendLog::cut_back(std::uint64_t length) {
  check(length <= length_, path_.string(), "cannot be cut back to ", length, " bytes, it holds ", length_, ".");
  if (::ftruncate(descriptor_, static_cast<off_t>(length)) != 0) {
    const int cause = errno;
    fail(path_.string(), "could not be cut back to ", length, " bytes: ", reason(cause), ".");
  }
  length_ = length;
}

void make_folder(const fs::path& folder) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  check(!problem, folder.string(), "the folder cannot be made: ", problem.message(), ".");
}

fs::path make_folder_beside(const fs::path& target) {
  const fs::path fresh = hidden_folder(folder_path(target), "new");
  std::error_code error;
  fs::remove_all(fresh, error);
  if (!error) fs::create_directory(fresh, error);
  if (error) fail(target.string(), "could not be written: ", fresh.string(), ": ", error.message(), ".");
  return fresh;
}

void replace_folder_atomically(const fs::path& temporary, const fs::path& target, FolderSwap swap) {
  const fs::path fresh = folder_path(temporary), folder = folder_path(target);
  const auto give_up = [&](int cause) {
    fail(folder.string(), "could not be replaced by ", fresh.string(), ": ", reason(cause), ". Nothing was changed.");
  };
  check(folder_of(fresh) == folder_of(folder), folder.string(), "can only be replaced by a folder beside it. Got ",
        fresh.string(), ".");
  std::error_code error;
  if (!fs::is_directory(fresh, error)) give_up(error ? error.value() : ENOTDIR);
  if (const int cause = flush_tree(fresh)) give_up(cause);
  if (!fs::exists(folder, error)) {
    if (::rename(fresh.c_str(), folder.c_str()) != 0) give_up(errno);
    flush_path(folder_of(folder));
    return;
  }
  fs::path superseded = fresh;
  if (swap == FolderSwap::two_renames ||
      ::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) != 0) {
    superseded = hidden_folder(folder, "old");
    fs::remove_all(superseded, error);
    if (::rename(folder.c_str(), superseded.c_str()) != 0) give_up(errno);
    if (::rename(fresh.c_str(), folder.c_str()) != 0) {
      const int cause = errno;
      static_cast<void>(::rename(superseded.c_str(), folder.c_str()));
      give_up(cause);
    }
  }
  flush_path(folder_of(folder));
  fs::remove_all(superseded, error);
}

bool recover_folder(const fs::path& target) {
  const fs::path folder = folder_path(target), aside = hidden_folder(folder, "old");
  std::error_code error;
  if (!fs::exists(folder, error) && fs::exists(aside, error)) {
    if (::rename(aside.c_str(), folder.c_str()) != 0) {
      const int cause = errno;
      fail(folder.string(), "could not be restored from ", aside.string(), ": ", reason(cause), ".");
    }
    flush_path(folder_of(folder));
  }
  fs::remove_all(aside, error);
  fs::remove_all(hidden_folder(folder, "new"), error);
  return fs::is_directory(folder, error);
}

}  // namespace mien
