// Files and folders that are whole at every moment: what is written is written beside and renamed, what grows can be
// cut back.
//
// A process may be killed, a disk may fill up or the power may fail between any two instructions. Whoever opens a path
// afterwards finds the old content or the new one, never a mixture: that is what rename(2) promises once the new
// content has been flushed to the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace mien {

/// A file under construction. It is written under a hidden name in the folder of `path` and takes its place, whole, on
/// commit(); destroyed without commit(), it leaves nothing behind. A symbolic link is followed and stays a link; an
/// existing file's permissions are kept.
class AtomicFile {
 public:
  /// Throws Error with the file and the system's reason if the folder cannot be written.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes. On failure (a full disk) throws Error; the file at `path` is as it was.
  void write(std::string_view bytes);

  /// Flushes to the disk and renames to `path`. After a failure the file at `path` is as it was.
  void commit();

 private:
  [[noreturn]] void give_up(int cause);
  void discard() noexcept;

  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

/// Writes a whole file as AtomicFile does: `path` holds its old content or all of `bytes`.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Reads a whole file. Throws Error if it cannot be read, is no regular file (a pipe would hang) or holds more than
/// `max_bytes`, of which no more than `max_bytes` + 1 are ever read.
std::string read_file(const std::filesystem::path& path,
                      std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max());

/// Removes the hidden files that killed processes of this machine left in `folder` while writing with AtomicFile.
/// Returns how many. Files of processes that still run stay.
int remove_abandoned_files(const std::filesystem::path& folder);

/// A file that only grows, such as a history or an event log. Its length belongs into a checkpoint; when work resumes
/// from there, the log is cut back to it, and what an interrupted run wrote later is written again.
class AppendLog {
 public:
  /// Opens the log for appending at its end, creating it if it is not there.
  explicit AppendLog(const std::filesystem::path& path);
  ~AppendLog();
  AppendLog(AppendLog&& other) noexcept;
  AppendLog& operator=(AppendLog&& other) noexcept;

  /// Appends all bytes or, if that fails (a full disk), none, and throws Error.
  void append(std::string_view bytes);

  /// Returns once all that was appended is on the disk.
  void flush();

  /// Cuts the log to its first `length` bytes. Throws Error if it holds fewer.
  void cut_back(std::uint64_t length);

  /// Bytes in the log.
  std::uint64_t length() const { return length_; }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t length_ = 0;
};

/// Creates a folder and those above it, where they are not there yet. Throws Error with the system's reason.
void make_folder(const std::filesystem::path& folder);

/// Creates an empty folder, hidden and beside `target`, in which to write the next version of the folder `target`.
/// What an unfinished attempt left there is removed.
std::filesystem::path make_folder_beside(const std::filesystem::path& target);

/// How a new folder takes the place of an old one.
enum class FolderSwap {
  exchange,    ///< in one step where the file system can (renameat2 with RENAME_EXCHANGE), else as two_renames
  two_renames  ///< the old one steps aside, then the new one steps in; between the two recover_folder() is needed
};

/// Puts the complete folder `temporary` in the place of `target`, which need not exist, and removes the old one. Both
/// stand in the same folder; everything in `temporary` is flushed to the disk first. At every moment one complete
/// version can be read, if recover_folder(target) is called before reading.
void replace_folder_atomically(const std::filesystem::path& temporary, const std::filesystem::path& target,
                               FolderSwap swap = FolderSwap::exchange);

/// Repairs what a killed replace_folder_atomically() left: brings the old version back if no version is in place, and
/// removes superseded and unfinished ones. Returns whether `target` exists now. Not to be called while another process
/// writes the folder.
bool recover_folder(const std::filesystem::path& target);

}  // namespace mien
