// A file of features: a line that says whose they are, then records of one size, each the hash of a picture, its
// features and a checksum.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mien/io/file.h"
#include "mien/io/md5.h"

namespace mien {

/// One such file, for one process at a time.
class FeatureCache {
 public:
  using Take = std::function<void(const Md5::Digest& picture, const float* features)>;

  /// Opens or makes the file; waits while another process has it, asking `should_stop` now and then. A file that does
  /// not begin with `header` (one line) is emptied. Throws Error where it cannot be opened.
  FeatureCache(const std::filesystem::path& path, std::string header, std::int64_t features_of_picture,
               const std::function<bool()>& should_stop);
  ~FeatureCache();
  FeatureCache(const FeatureCache&) = delete;
  FeatureCache& operator=(const FeatureCache&) = delete;

  /// False where `should_stop` ended the wait; then nothing else may be called.
  bool is_open() const { return log_.has_value(); }

  /// Hands on every whole record, in order. The file is cut back to the last one before any that is damaged.
  void read(const Take& take);

  /// Adds records: a hash for each picture, and the features of all one behind the other.
  void append(const std::vector<Md5::Digest>& pictures, const float* features);

  /// Returns once all of it is on the disk.
  void flush() { log_->flush(); }

 private:
  std::size_t record_bytes() const { return sizeof(Md5::Digest) + 4 * count_ + 4; }

  std::filesystem::path path_;
  std::string header_;
  std::size_t count_;
  int lock_ = -1;
  std::optional<AppendLog> log_;
};

}  // namespace mien
