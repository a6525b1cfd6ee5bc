#include "mien/io/event_log.h"

#include <array>
#include <bit>
#include <chrono>

#include "mien/kernels/error.h"

namespace mien {

namespace {

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = remainder >> 1 ^ (remainder & 1 ? 0x82f63b78u : 0u);
    table[byte] = remainder;
  }
  return table;
}();

// A CRC over data that holds CRCs is weak; TFRecord therefore rotates and shifts those it stores.
std::uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

template <class Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> 8 * i & 0xff);
  return bytes;
}

// The wire format of protobuf: a key (field number and type) before each value.
enum WireType { varint = 0, eight_bytes = 1, counted = 2, four_bytes = 5 };

std::string varint_bytes(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes += static_cast<char>(value);
}

std::string key(int field, WireType type) { return varint_bytes(static_cast<std::uint64_t>(field << 3 | type)); }

std::string integer_field(int field, std::int64_t value) {
  return key(field, varint) + varint_bytes(static_cast<std::uint64_t>(value));
}

std::string double_field(int field, double value) {
  return key(field, eight_bytes) + little_endian(std::bit_cast<std::uint64_t>(value));
}

std::string float_field(int field, float value) {
  return key(field, four_bytes) + little_endian(std::bit_cast<std::uint32_t>(value));
}

std::string bytes_field(int field, std::string_view value) {
  return key(field, counted).append(varint_bytes(value.size())).append(value);
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// Field numbers from TensorFlow's event.proto and summary.proto.
namespace event {
constexpr int wall_time = 1, step = 2, file_version = 3, summary = 5;
}
namespace summary {
constexpr int value = 1, tag = 1, simple_value = 2;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t remainder = ~0u;
  for (const char c : bytes) remainder = remainder >> 8 ^ crc_table[(remainder ^ static_cast<unsigned char>(c)) & 0xff];
  return ~remainder;
}

std::string tf_record(std::string_view data) {
  const std::string length = little_endian(static_cast<std::uint64_t>(data.size()));
  return (length + little_endian(masked_crc(length))).append(data).append(little_endian(masked_crc(data)));
}

EventLog::EventLog(const std::filesystem::path& path)
    : log_([&] {
        check(path.filename().string().find("tfevents") != std::string::npos, path.string(),
              "an event file needs 'tfevents' in its name, or TensorBoard does not find it.");
        return AppendLog(path);
      }()) {
  begin();
}

void EventLog::begin() {
  if (log_.length() > 0) return;
  log_.append(tf_record(double_field(event::wall_time, now()) + bytes_field(event::file_version, "brain.Event:2")));
}

void EventLog::scalar(std::string_view tag, std::int64_t step, float value, std::optional<double> wall_time) {
  const std::string entry = bytes_field(summary::tag, tag) + float_field(summary::simple_value, value);
  log_.append(tf_record(double_field(event::wall_time, wall_time.value_or(now())) + integer_field(event::step, step) +
                        bytes_field(event::summary, bytes_field(summary::value, entry))));
}

void EventLog::cut_back(std::uint64_t length) {
  log_.cut_back(length);
  begin();
}

}  // namespace mien
