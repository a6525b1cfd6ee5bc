// Messages in Protocol Buffers' wire format, written field by field: all that ONNX export needs of it.
// (protobuf.dev/programming-guides/encoding describes the format.)
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace mien {

class ProtobufMessage {
 public:
  const std::string& bytes() const { return bytes_; }

  ProtobufMessage& number(int field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  ProtobufMessage& number(int field, float value) {
    key(field, 5);
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);  // little-endian, as every machine of interest
    bytes_.append(raw, sizeof raw);
    return *this;
  }
  ProtobufMessage& text(int field, std::string_view value) {
    announce(field, value.size());
    bytes_.append(value);
    return *this;
  }
  ProtobufMessage& message(int field, const ProtobufMessage& value) { return text(field, value.bytes_); }
  /// What stands before a text or message of so many bytes, for one that is written elsewhere.
  ProtobufMessage& announce(int field, std::size_t bytes) {
    key(field, 2);
    varint(bytes);
    return *this;
  }

 private:
  void key(int field, unsigned wire_type) { varint(static_cast<std::uint64_t>(field) << 3 | wire_type); }
  /// Seven bits a byte, the lowest first; the top bit says that more follow.
  void varint(std::uint64_t value) {
    for (; value > 127; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace mien
