#include "mien/io/zip.h"

#include <algorithm>
#include <cstdint>

#include "mien/io/crc32.h"
#include "mien/io/file.h"
#include "mien/io/text.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

constexpr std::string_view local_mark = "PK\3\4", central_mark = "PK\1\2", end_mark = "PK\5\6";
constexpr std::size_t local_length = 30, central_length = 46, end_length = 22;
constexpr std::size_t most_central = 4 << 20, most_entries = 10'000;

/// A little-endian number of 2 or 4 bytes.
std::uint32_t number(std::string_view bytes, std::size_t place, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[place + i])} << (8 * i);
  return value;
}

std::string digits(std::uint64_t value, std::size_t width) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 255);
  return bytes;
}

std::uint32_t checksum_of(const FilePart& part) {
  std::uint32_t checksum = 0;
  std::string block;
  for (std::uint64_t done = 0; done < part.size; done += block.size()) {
    block = part.file->read(part.offset + done, std::min<std::uint64_t>(part.size - done, 1 << 20));
    checksum = crc32(block, checksum);
  }
  return checksum;
}

/// The record at the archive's end, which a comment may follow.
std::string find_end(const InputFile& file) {
  const std::uint64_t length = std::min<std::uint64_t>(file.size(), end_length + 0xffff);
  const std::string tail = file.read(file.size() - length, length);
  const std::size_t place = tail.rfind(end_mark);
  check(place != tail.npos && tail.size() - place >= end_length, file.name(),
        "no end of a zip archive was found: the file is truncated, or none.");
  return tail.substr(place, end_length);
}

}  // namespace

std::map<std::string, FilePart> read_zip(const InputFile& file) {
  const std::string& where = file.name();
  const std::string end = find_end(file);
  const std::uint32_t count = number(end, 10, 2), size = number(end, 12, 4), begin = number(end, 16, 4);
  check(count < most_entries && size <= most_central && begin != 0xffffffff, where, "at its end: ", count,
        " entries with a directory of ", size, " bytes are more than can be read.");
  const std::string central = file.read(begin, size);
  std::map<std::string, FilePart> entries;
  std::uint64_t used = 0;  // entries that lie over one another could expand without end
  std::size_t place = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    check(central.size() - place >= central_length && central.compare(place, 4, central_mark) == 0, where, "at byte ",
          begin + place, ": the directory's entry ", i, " was expected.");
    const auto field = [&](std::size_t at, std::size_t width) { return number(central, place + at, width); };
    const std::size_t name_length = field(28, 2), length = central_length + name_length + field(30, 2) + field(32, 2);
    check(length <= central.size() - place, where, "at byte ", begin + place, ": the directory's entry ", i,
          " goes beyond its end.");
    const std::string name = central.substr(place + central_length, name_length), shown = printable(name);
    check((field(8, 2) & 1) == 0, where, "entry \"", shown, "\" is encrypted.");
    check(field(10, 2) == 0, where, "entry \"", shown, "\" is compressed (method ", field(10, 2),
          "): Keras stores its entries as they are.");
    check(field(20, 4) == field(24, 4), where, "entry \"", shown, "\" has two sizes: ", field(20, 4), " and ",
          field(24, 4), ".");
    const std::uint64_t local = field(42, 4);
    const std::string header = file.read(local, local_length);
    check(header.compare(0, 4, local_mark) == 0, where, "at byte ", local, ": entry \"", shown, "\" was expected.");
    const FilePart part{&file, local + local_length + number(header, 26, 2) + number(header, 28, 2), field(24, 4)};
    check(part.offset <= file.size() && part.size <= file.size() - part.offset && (used += part.size) <= file.size(),
          where, "entry \"", shown, "\" of ", part.size, " bytes at byte ", part.offset,
          " goes beyond the file's end.");
    check(checksum_of(part) == field(16, 4), where, "entry \"", shown, "\" is damaged: its checksum differs.");
    check(entries.emplace(name, part).second, where, "entry \"", shown, "\" is there twice.");
    place += length;
  }
  return entries;
}

void write_zip(const std::filesystem::path& path,
               const std::vector<std::pair<std::string, std::string_view>>& entries) {
  AtomicFile out(path);
  std::string central;
  std::uint64_t offset = 0;
  for (const auto& [name, contents] : entries) {
    check(contents.size() < 0xffffffff - offset, path.string(), "the archive would pass 4 GB.");
    // Version 2.0, no flags, stored, midnight of 1 January 1980, checksum, both sizes, lengths of name and extra field.
    const std::string common = digits(20, 2) + digits(0, 2) + digits(0, 2) + digits(0, 2) + digits(0x21, 2) +
                               digits(crc32(contents), 4) + digits(contents.size(), 4) + digits(contents.size(), 4) +
                               digits(name.size(), 2) + digits(0, 2);
    const std::string local = std::string(local_mark) + common + name;
    // Made by version 2.0 on Unix; no comment, first disk, no attributes; mode 0600; where the entry lies.
    central += std::string(central_mark) + digits(0x0314, 2) + common + digits(0, 2) + digits(0, 2) + digits(0, 2) +
               digits(0600ull << 16, 4) + digits(offset, 4) + name;
    out.write(local);
    out.write(contents);
    offset += local.size() + contents.size();
  }
  const std::string count = digits(entries.size(), 2);
  out.write(central);
  out.write(std::string(end_mark) + digits(0, 4) + count + count + digits(central.size(), 4) + digits(offset, 4) +
            digits(0, 2));
  out.commit();
}

}  // namespace mien
