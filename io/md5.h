// MD5 (RFC 1321): tells whether a file is the one that was published, and serves as a key of contents. It is no defence
// against anybody who wants to deceive.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace mien {

/// The digest of what was added so far, in pieces of any length.
class Md5 {
 public:
  using Digest = std::array<std::uint8_t, 16>;

  Md5& add(std::string_view bytes);
  Md5& add(const void* bytes, std::size_t count) { return add({static_cast<const char*>(bytes), count}); }
  Digest digest() const;
  /// As 32 hexadecimal digits, the way md5sum prints it.
  std::string text() const;

 private:
  void take_block(const std::uint8_t* block);

  std::array<std::uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<std::uint8_t, 64> block_{};  // what has not made a whole block yet
  std::uint64_t length_ = 0;
};

/// "900150983cd24fb0d6963f7d28e17f72" for "abc".
std::string md5_of(std::string_view bytes);

/// Of a file's contents. `progress`, if given, is told the bytes read so far. Throws Error where the file cannot be
/// read.
std::string md5_of_file(const std::filesystem::path& path, const std::function<void(std::uint64_t)>& progress = {});

}  // namespace mien
