// Whole files, read and written so that nothing is half there.
//
// A file is written beside its place, flushed to the disk and renamed over it: whoever looks, at whatever moment, even
// after a crash, finds the old file or the new one whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mien {

/// Replaces the file at `path` by `bytes`. The folder must exist. Throws Error (naming the file and the system's
/// reason, a full disk or a folder that may not be written for example) and then leaves the old file as it was.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The bytes of the file at `path`. Throws Error if it cannot be read, is no regular file or holds over `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace mien
