// CRC-32, the checksum of zip archives and PNG pictures (ISO/IEC 15948, annex D). It finds damage, no deceit. TFRecord
// has another polynomial: crc32c in io/event_log.h.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace mien {

/// Of these bytes, going on from the checksum of those before: crc32(b, crc32(a)) is that of a and b in a row.
/// 0xcbf43926 for "123456789".
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

inline std::uint32_t crc32(std::span<const std::uint8_t> bytes, std::uint32_t before = 0) {
  return crc32({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, before);
}

}  // namespace mien
