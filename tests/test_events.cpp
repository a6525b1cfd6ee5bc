// Event files as TensorBoard reads them, decoded here by hand.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "mien/io/event_log.h"
#include "mien/kernels/error.h"

using namespace mien;

namespace {

struct Scalar {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string version, tag;
  float value = 0;
};

template <class T>
T take(std::string_view& bytes) {
  REQUIRE(bytes.size() >= sizeof(T));
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return value;
}

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<unsigned char>(bytes);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

// The fields of a message by number, each as its raw bytes (a varint as its eight bytes).
std::map<int, std::string> take_message(std::string_view bytes) {
  std::map<int, std::string> fields;
  while (!bytes.empty()) {
    const std::uint64_t key = take_varint(bytes);
    std::size_t length = 0;
    std::uint64_t number = 0;
    switch (key & 7) {
      case 0:
        number = take_varint(bytes);
        fields[static_cast<int>(key >> 3)] = {reinterpret_cast<char*>(&number), 8};
        continue;
      case 1:
        length = 8;
        break;
      case 2:
        length = take_varint(bytes);
        break;
      case 5:
        length = 4;
        break;
      default:
        FAIL("unknown wire type " << (key & 7));
    }
    REQUIRE(bytes.size() >= length);
    fields[static_cast<int>(key >> 3)] = bytes.substr(0, length);
    bytes.remove_prefix(length);
  }
  return fields;
}

template <class T>
T as(const std::string& raw) {
  REQUIRE(raw.size() == sizeof(T));
  T value;
  std::memcpy(&value, raw.data(), sizeof(T));
  return value;
}

std::uint32_t masked(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

std::vector<Scalar> decode(const std::string& file) {
  std::vector<Scalar> events;
  std::string_view rest = file;
  while (!rest.empty()) {
    const std::string_view header = rest.substr(0, 8);
    const auto length = take<std::uint64_t>(rest);
    REQUIRE(take<std::uint32_t>(rest) == masked(header));
    REQUIRE(rest.size() >= length + 4);
    const std::string_view data = rest.substr(0, length);
    rest.remove_prefix(length);
    REQUIRE(take<std::uint32_t>(rest) == masked(data));
    auto event = take_message(data);
    Scalar scalar;
    scalar.wall_time = as<double>(event.at(1));
    if (event.count(3)) scalar.version = event[3];
    if (event.count(2)) scalar.step = as<std::int64_t>(event[2]);
    if (event.count(5)) {
      auto value = take_message(take_message(event[5]).at(1));
      scalar.tag = value.at(1);
      scalar.value = as<float>(value.at(2));
    }
    events.push_back(scalar);
  }
  return events;
}

// A file name of its own for a test; the file is removed afterwards.
struct ScratchFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("tfevents.mien." + std::to_string(::getpid()));
  ~ScratchFile() { std::filesystem::remove(path); }
};

}  // namespace

TEST_CASE("crc32c gives the vectors of RFC 3720") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  CHECK(crc32c(ascending) == 0x46dd794eu);
  CHECK(crc32c(std::string(ascending.rbegin(), ascending.rend())) == 0x113fdb5cu);
}

TEST_CASE("an event file holds its version and every scalar") {
  const ScratchFile file;
  EventLog log(file.path);
  log.scalar("loss/training", 0, 1.609f, 1700000000.25);
  log.scalar("loss/training", 300, std::nanf(""));
  log.scalar(std::string(200, 'x'), std::int64_t{1} << 40, -0.5f);
  log.flush();
  const std::string bytes = read_file(file.path);
  CHECK(bytes.size() == log.length());
  const auto events = decode(bytes);
  REQUIRE(events.size() == 4);
  CHECK(events[0].version == "brain.Event:2");
  CHECK(events[0].wall_time > 1.7e9);
  CHECK(events[1].wall_time == 1700000000.25);
  CHECK(events[1].tag == "loss/training");
  CHECK(events[1].step == 0);
  CHECK(events[1].value == 1.609f);
  CHECK(events[2].step == 300);
  CHECK(std::isnan(events[2].value));
  CHECK(events[3].tag == std::string(200, 'x'));
  CHECK(events[3].step == std::int64_t{1} << 40);
}

TEST_CASE("an event file is cut back and continued") {
  const ScratchFile file;
  std::uint64_t checkpoint = 0;
  {
    EventLog log(file.path);
    log.scalar("loss", 1, 1);
    checkpoint = log.length();
    log.scalar("loss", 2, 2);
  }
  EventLog log(file.path);
  log.cut_back(checkpoint);
  log.scalar("loss", 2, 3);
  auto events = decode(read_file(file.path));
  REQUIRE(events.size() == 3);
  CHECK(events[1].value == 1);
  CHECK(events[2].value == 3);
  log.cut_back(0);
  events = decode(read_file(file.path));
  REQUIRE(events.size() == 1);
  CHECK(events[0].version == "brain.Event:2");
}

TEST_CASE("an event file must have a name that TensorBoard looks for") {
  CHECK_THROWS_WITH(EventLog("events.log"), Catch::Matchers::Contains("tfevents"));
  CHECK_FALSE(std::filesystem::exists("events.log"));
}
