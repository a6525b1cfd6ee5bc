// Scalars over time in TensorBoard's event files, written without TensorFlow.
//
// An event file is a row of records, each `length (8 bytes) | masked CRC of the length (4) | data | masked CRC of the
// data (4)`, little-endian (TFRecord). The data of a record is one protobuf message `Event`; ours hold the file's
// version (the first one) or one scalar each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "mien/io/file.h"

namespace mien {

/// CRC-32C (Castagnoli), the checksum of iSCSI and of TFRecord.
std::uint32_t crc32c(std::string_view bytes);

/// `data` as a TFRecord.
std::string tf_record(std::string_view data);

/// An event file. Its length goes into a checkpoint; a resumed run cuts it back to there and goes on.
class EventLog {
 public:
  /// Opens or creates the file. Its name must contain "tfevents", or TensorBoard would not look at it; Error otherwise.
  explicit EventLog(const std::filesystem::path& path);

  /// Appends one scalar. `tag` names the curve ("loss/training"), `wall_time` is in seconds since 1970, now by default.
  void scalar(std::string_view tag, std::int64_t step, float value, std::optional<double> wall_time = std::nullopt);

  /// Returns once everything is on the disk.
  void flush() { log_.flush(); }

  /// Bytes in the file.
  std::uint64_t length() const { return log_.length(); }

  /// Cuts the file back to a former length().
  void cut_back(std::uint64_t length);

 private:
  void begin();

  AppendLog log_;
};

}  // namespace mien
