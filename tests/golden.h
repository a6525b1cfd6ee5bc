// Where the golden files lie, and how a test reads an index.
//
// The folder in the environment variable MIEN_GOLDEN comes first (the same formats, other cases), then the tree's own.
// A golden test takes every case from the index and names none itself.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace mien::test {

/// The folder that holds the golden files.
inline std::filesystem::path golden_folder() {
  const char* folder = std::getenv("MIEN_GOLDEN");
  if (folder != nullptr && *folder != '\0') return folder;
  return std::filesystem::path(MIEN_SOURCE_DIR) / "tests" / "golden";
}

/// The index `name` ("images.json") of the golden folder, or of the tree's own where that folder has none. Throws where
/// it is missing or no JSON.
inline nlohmann::json golden_index(const std::string& name) {
  std::filesystem::path path = golden_folder() / name;
  if (!std::filesystem::exists(path)) path = std::filesystem::path(MIEN_SOURCE_DIR) / "tests" / "golden" / name;
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path.string());
  return nlohmann::json::parse(file);
}

}  // namespace mien::test
