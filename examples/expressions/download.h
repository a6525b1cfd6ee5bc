// Fetches a file by curl, a program of its own, and only ever puts it in its place whole and verified.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace mien::expressions {

struct Download {
  std::string address;           ///< http or https
  std::filesystem::path target;  ///< until it is whole, the file is target.part
  std::int64_t bytes = 0;        ///< as far as it is known, for the progress bar
  /// What is wrong with a file that came, as a sentence; "" for the right one.
  std::function<std::string(const std::filesystem::path&)> fault = {};
};

/// Downloads; goes on where an earlier attempt left target.part. Throws Error where curl is not there or fails (what
/// has come is kept) and where the file that came is another (it is removed). `program` is the name of curl.
void download(const Download& wanted, bool quiet, const std::string& program = "curl");

}  // namespace mien::expressions
