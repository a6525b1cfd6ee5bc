#include "mien/io/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "mien/kernels/error.h"

namespace mien {

InputFile::InputFile(const std::filesystem::path& path) : name_(path.string()) {
  // A pipe would wait for someone to write.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  check(descriptor_ >= 0, name_, "could not be read: ", std::generic_category().message(errno), ".");
  struct stat status;
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    fail(name_, "could not be read: it is no regular file.");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(std::uint64_t offset, void* to, std::size_t bytes) const {
  check(offset <= size_ && bytes <= size_ - offset, name_, "at byte ", offset, ": ", bytes,
        " bytes were expected. The file has ", size_, ".");
  auto* place = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, place, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    check(got >= 0, name_, "could not be read: ", std::generic_category().message(errno), ".");
    check(got > 0, name_, "became shorter while it was read.");
    place += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

std::string InputFile::read(std::uint64_t offset, std::size_t bytes) const {
  check(offset <= size_ && bytes <= size_ - offset, name_, "at byte ", offset, ": ", bytes,
        " bytes were expected. The file has ", size_, ".");
  std::string result(bytes, '\0');
  read(offset, result.data(), bytes);
  return result;
}

bool InputFile::begins_with(std::string_view bytes) const {
  return size_ >= bytes.size() && read(0, bytes.size()) == bytes;
}

}  // namespace mien
