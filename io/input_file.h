// A file that is read in places, not as a whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace mien {

class InputFile {
 public:
  /// Throws Error with the system's reason if it cannot be opened or is no regular file.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// The path, as it stands in messages.
  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }
  int descriptor() const { return descriptor_; }

  /// So many bytes from `offset` on; throws where the file has fewer.
  void read(std::uint64_t offset, void* to, std::size_t bytes) const;
  std::string read(std::uint64_t offset, std::size_t bytes) const;
  /// Whether the file begins with these bytes.
  bool begins_with(std::string_view bytes) const;

 private:
  std::string name_;
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
};

/// A part of a file: an entry of an archive, or the whole.
struct FilePart {
  const InputFile* file = nullptr;
  std::uint64_t offset = 0, size = 0;
};

}  // namespace mien
