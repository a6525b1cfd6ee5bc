#include "mien/train/feature_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <system_error>
#include <thread>

#include "mien/io/event_log.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

std::string checksum_of(std::string_view bytes) {
  const std::uint32_t sum = crc32c(bytes);
  return {reinterpret_cast<const char*>(&sum), sizeof sum};
}

}  // namespace

FeatureCache::FeatureCache(const std::filesystem::path& path, std::string header, std::int64_t features_of_picture,
                           const std::function<bool()>& should_stop)
    : path_(path), header_(std::move(header) + '\n'), count_(static_cast<std::size_t>(features_of_picture)) {
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  check(lock_ >= 0, path.string(), "it cannot be opened: ", std::generic_category().message(errno), ".");
  while (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    if (should_stop && should_stop()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  log_.emplace(path);
}

FeatureCache::~FeatureCache() {
  if (lock_ >= 0) ::close(lock_);
}

void FeatureCache::read(const Take& take) {
  std::ifstream file(path_, std::ios::binary);
  std::string text(header_.size(), '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) || text != header_) {
    log_->cut_back(0);
    log_->append(header_);
    return;
  }
  std::uint64_t whole = header_.size();
  text.resize(record_bytes());
  while (file.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    const std::string_view record(text.data(), text.size() - 4);
    if (checksum_of(record) != text.substr(record.size())) break;
    Md5::Digest picture;
    std::memcpy(picture.data(), record.data(), picture.size());
    std::vector<float> features(count_);
    std::memcpy(features.data(), record.data() + picture.size(), 4 * count_);
    take(picture, features.data());
    whole += record_bytes();
  }
  if (whole < log_->length()) log_->cut_back(whole);
}

void FeatureCache::append(const std::vector<Md5::Digest>& pictures, const float* features) {
  std::string records;
  records.reserve(pictures.size() * record_bytes());
  for (const Md5::Digest& picture : pictures) {
    const std::size_t begin = records.size();
    records.append(reinterpret_cast<const char*>(picture.data()), picture.size());
    records.append(reinterpret_cast<const char*>(features), 4 * count_);
    records += checksum_of(std::string_view(records).substr(begin));
    features += count_;
  }
  log_->append(records);
}

}  // namespace mien
