// zip archives whose entries are stored as they are: Keras's .keras files. (PKWARE's APPNOTE.TXT describes the format.)
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mien/io/input_file.h"

namespace mien {

/// Where in the file the contents of each entry lie. Every entry's checksum has been compared. Throws Error that names
/// the entry and what was expected where the archive is damaged, compressed, encrypted or above 4 GB.
std::map<std::string, FilePart> read_zip(const InputFile& file);

/// Writes an archive of these entries (name, contents), dated 1980, beside and renames it.
void write_zip(const std::filesystem::path& path, const std::vector<std::pair<std::string, std::string_view>>& entries);

}  // namespace mien
