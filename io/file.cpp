// Whole files through POSIX calls: their error numbers say why, and only they can flush to the disk.
#include "mien/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "mien/kernels/error.h"

namespace mien {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

// A file descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return number_; }
  // Some file systems report a full disk only here.
  int close() {
    const int number = number_;
    number_ = -1;
    return number < 0 ? 0 : ::close(number);
  }

 private:
  int number_;
};

// The rename itself lives in the folder, so the folder is flushed too; a file system that cannot do that is no error.
void flush_folder(const std::filesystem::path& file) {
  const std::filesystem::path parent = file.parent_path();
  const Descriptor folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  // Two threads may write the same file: each has a part of its own, and the last rename wins.
  static std::atomic<unsigned> counter{0};
  const std::string part = join(path.string(), ".part-", ::getpid(), "-", counter++);
  const auto refuse = [&](const char* step, int error) {
    ::unlink(part.c_str());
    fail(path.string(), "cannot be written: ", step, " ", part, ": ", reason(error), ". Bytes to write: ", bytes.size(),
         ".");
  };
  Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) fail(path.string(), "cannot be written: opening ", part, ": ", reason(errno), ".");
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) refuse("writing", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) refuse("flushing", errno);
  if (file.close() != 0) refuse("closing", errno);
  if (std::rename(part.c_str(), path.c_str()) != 0) refuse("renaming", errno);
  flush_folder(path);
}

std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const std::string name = path.string();
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  check(file.get() >= 0, name, "cannot be read: ", reason(errno), ".");
  struct stat status {};
  check(::fstat(file.get(), &status) == 0, name, "cannot be read: ", reason(errno), ".");
  check(S_ISREG(status.st_mode), name, "cannot be read: it is no regular file.");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  check(size <= max_bytes, name, "too large: the file holds ", size, " bytes, at most ", max_bytes, " are read.");
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    check(count >= 0, name, "cannot be read at byte ", filled, ": ", reason(errno), ".");
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  check(filled == size, name, "changed while it was read: ", size, " bytes were promised, ", filled, " came.");
  return bytes;
}

}  // namespace mien
