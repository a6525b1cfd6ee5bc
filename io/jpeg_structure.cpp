// The skeleton of a JPEG: its markers (ITU-T T.81, annex B).
//
// Segments carry their length; the compressed data of a scan runs to the next marker that is neither a stuffed 0xFF00
// nor a restart. A preview inside an EXIF block has an end marker of its own, which is why only a walk finds the right
// one. Every table a scan uses must have been defined before it: a decoder would take what its memory holds.
#include <algorithm>
#include <array>

#include "mien/io/exif.h"
#include "mien/io/image_structure.h"

namespace mien::detail {
namespace {

constexpr int end_of_image = 0xD9, start_of_scan = 0xDA, quantisation_tables = 0xDB, huffman_tables = 0xC4;
constexpr int restart_interval = 0xDD, app1 = 0xE1, app14 = 0xEE;

bool is_restart(int marker) { return marker >= 0xD0 && marker <= 0xD7; }
bool is_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != huffman_tables && marker != 0xC8 && marker != 0xCC;
}

constexpr std::int64_t divide_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }

struct Component {
  int id = 0, horizontal = 1, vertical = 1, quantisation = 0;
  bool scanned = false;
};

class JpegWalk {
 public:
  JpegWalk(ImageBytes& bytes, std::int64_t max_pixels) : bytes_(bytes), max_pixels_(max_pixels) {}

  ImageStructure walk() {
    bytes_.skip(2, "the start marker");
    for (;;) {
      const int marker = next_marker();
      if (marker == end_of_image) break;
      if (is_restart(marker)) bytes_.malformed("a restart marker outside a scan");
      const std::size_t length = bytes_.big_endian(2, "a segment's length");
      if (length < 2) bytes_.malformed("a segment of length ", length, ", expected at least 2");
      bytes_.need(length - 2, "a segment");
      segment_ = bytes_.take(length - 2, "a segment");
      segment(marker);
      if (marker == start_of_scan) compressed_data();
    }
    finish();
    return structure_;
  }

 private:
  // Anything may stand between segments but a marker; fill bytes of 0xFF before a marker are legal.
  int next_marker() {
    for (;;) {
      const std::uint32_t first = bytes_.big_endian(1, "a marker (the end marker FF D9 is missing)");
      if (first != 0xFF) continue;
      std::uint32_t second = first;
      while (second == 0xFF) second = bytes_.big_endian(1, "a marker (the end marker FF D9 is missing)");
      if (second != 0) return static_cast<int>(second);
    }
  }

  void segment(int marker) {
    if (is_frame(marker)) frame(marker);
    if (marker == quantisation_tables) quantisation();
    if (marker == huffman_tables) huffman();
    if (marker == restart_interval) {
      if (segment_.size() != 2) bytes_.malformed("a restart interval of ", segment_.size(), " bytes, expected 2");
      interval_ = segment_[0] << 8 | segment_[1];
    }
    if (marker == app1 && starts_with("Exif")) structure_.orientation = exif_orientation(segment_.subspan(6));
    if (marker == app14 && starts_with("Adobe") && segment_.size() >= 12) adobe_transform_ = segment_[11];
    if (marker == start_of_scan) scan_header();
  }

  // The identifier of an application segment ends in a zero; "Exif" has one more.
  bool starts_with(std::string_view identifier) const {
    return segment_.size() > identifier.size() + 1 &&
           std::equal(identifier.begin(), identifier.end(), segment_.begin()) && segment_[identifier.size()] == 0;
  }

  void frame(int marker) {
    if (count_ != 0) bytes_.malformed("a second frame header");
    if (marker > 0xC2)
      bytes_.unsupported("lossless, hierarchical or arithmetic coding (frame type ", marker - 0xC0, ")");
    progressive_ = marker == 0xC2;
    if (segment_.size() < 6) bytes_.malformed("a frame header of ", segment_.size(), " bytes, expected at least 6");
    if (segment_[0] != 8) bytes_.unsupported(int{segment_[0]}, " bits a sample, expected 8");
    structure_.height = segment_[1] << 8 | segment_[2];
    structure_.width = segment_[3] << 8 | segment_[4];
    count_ = segment_[5];
    if (count_ != 1 && count_ != 3 && count_ != 4) bytes_.unsupported(count_, " components, expected 1, 3 or 4");
    if (segment_.size() != 6 + 3 * static_cast<std::size_t>(count_))
      bytes_.malformed("a frame header of ", segment_.size(), " bytes for ", count_, " components");
    bytes_.check_size(structure_.width, structure_.height, max_pixels_);
    structure_.channels = count_ == 1 ? 1 : 3;
    for (int i = 0; i < count_; ++i) {
      const auto field = segment_.subspan(6 + 3 * static_cast<std::size_t>(i), 3);
      components_[i] = {field[0], field[1] >> 4, field[1] & 15, field[2], false};
      if (components_[i].horizontal < 1 || components_[i].horizontal > 4 || components_[i].vertical < 1 ||
          components_[i].vertical > 4 || components_[i].quantisation > 3)
        bytes_.malformed("component ", i, " has sampling ", components_[i].horizontal, " x ", components_[i].vertical,
                         " and quantisation table ", components_[i].quantisation);
      horizontal_ = std::max(horizontal_, components_[i].horizontal);
      vertical_ = std::max(vertical_, components_[i].vertical);
    }
  }

  void quantisation() {
    for (std::size_t at = 0; at < segment_.size();) {
      const int precision = segment_[at] >> 4, table = segment_[at] & 15;
      if (precision > 1 || table > 3) bytes_.malformed("quantisation table ", table, " of precision ", precision);
      at += precision == 0 ? 65 : 129;
      if (at > segment_.size()) bytes_.malformed("quantisation table ", table, " runs over its segment");
      quantisation_defined_[table] = true;
    }
  }

  void huffman() {
    for (std::size_t at = 0; at < segment_.size();) {
      const int kind = segment_[at] >> 4, table = segment_[at] & 15;
      if (kind > 1 || table > 3) bytes_.malformed("Huffman table ", table, " of class ", kind);
      if (at + 17 > segment_.size()) bytes_.malformed("Huffman table ", table, " runs over its segment");
      std::size_t symbols = 0;
      std::int64_t codes_left = 1;  // of the present length
      for (std::size_t length = 1; length <= 16; ++length) {
        symbols += segment_[at + length];
        codes_left = 2 * codes_left - segment_[at + length];
        if (codes_left < 0)
          bytes_.malformed("Huffman table ", table, " has more codes than ", length, " bits can hold");
      }
      at += 17 + symbols;
      if (symbols > 256 || at > segment_.size())
        bytes_.malformed("Huffman table ", table, " of ", symbols, " symbols runs over its segment");
      huffman_defined_[kind][table] = true;
    }
  }

  void scan_header() {
    if (count_ == 0) bytes_.malformed("a scan before the frame header");
    const int count = segment_.empty() ? 0 : segment_[0];
    if (count < 1 || count > count_ || segment_.size() != 4 + 2 * static_cast<std::size_t>(count))
      bytes_.malformed("a scan header of ", segment_.size(), " bytes for ", count, " of ", count_, " components");
    if (++scans_ > max_scans) bytes_.malformed("over ", max_scans, " scans");
    const int first = segment_[segment_.size() - 3], high = segment_[segment_.size() - 1] >> 4;
    const bool uses_dc = first == 0 && high == 0, uses_ac = !progressive_ || first > 0;
    data_units_ = 0;
    restarts_expected_ = 0;
    for (int i = 0; i < count; ++i) {
      const int id = segment_[1 + 2 * i], tables = segment_[2 + 2 * i];
      const auto found = std::find_if(components_.begin(), components_.begin() + count_,
                                      [id](const Component& component) { return component.id == id; });
      if (found == components_.begin() + count_) bytes_.malformed("a scan of component ", id, ", which no frame has");
      if ((uses_dc && !defined(0, tables >> 4)) || (uses_ac && !defined(1, tables & 15)))
        bytes_.malformed("a scan uses a Huffman table that was never defined");
      if (!quantisation_defined_[found->quantisation])
        bytes_.malformed("component ", id, " uses quantisation table ", found->quantisation,
                         ", which was never defined");
      if (first == 0) found->scanned = true;
      data_units_ += uses_dc ? blocks(*found) : 0;
    }
    if (interval_ > 0) {
      const Component* alone = count == 1 ? find(segment_[1]) : nullptr;
      const std::int64_t units =
          alone != nullptr ? blocks(*alone)
                           : divide_up(structure_.width, 8 * horizontal_) * divide_up(structure_.height, 8 * vertical_);
      restarts_expected_ = divide_up(units, interval_) - 1;
    }
  }

  bool defined(int kind, int table) const { return table <= 3 && huffman_defined_[kind][table]; }
  const Component* find(int id) const {
    return std::find_if(components_.begin(), components_.end(), [id](const Component& c) { return c.id == id; });
  }
  // The 8 x 8 blocks that cover a component.
  std::int64_t blocks(const Component& component) const {
    return divide_up(divide_up(std::int64_t{structure_.width} * component.horizontal, horizontal_), 8) *
           divide_up(divide_up(std::int64_t{structure_.height} * component.vertical, vertical_), 8);
  }

  void compressed_data() {
    const std::size_t start = bytes_.position();
    std::int64_t restarts = 0;
    for (;;) {
      const auto rest = bytes_.peek(bytes_.left());
      std::size_t at = 0;
      while (at + 1 < rest.size() && !(rest[at] == 0xFF && rest[at + 1] != 0 && rest[at + 1] != 0xFF)) ++at;
      if (at + 1 >= rest.size()) {
        bytes_.skip(rest.size(), "a scan");
        bytes_.truncated("the picture's data runs to the end of the file, the end marker FF D9 is missing");
      }
      bytes_.skip(at, "a scan");
      if (!is_restart(rest[at + 1])) break;
      ++restarts;
      bytes_.skip(2, "a restart marker");
    }
    if (restarts < restarts_expected_)
      bytes_.truncated("a scan ends after ", restarts, " restart markers, expected ", restarts_expected_);
    // A Huffman code has at least one bit, and every block starts with one (two in a baseline scan).
    const std::int64_t bits = 8 * static_cast<std::int64_t>(bytes_.position() - start);
    const std::int64_t least = data_units_ * (progressive_ ? 1 : 2);
    if (bits < least)
      bytes_.truncated("a scan of ", bits / 8, " bytes, its ", data_units_, " blocks need at least ",
                       divide_up(least, 8));
  }

  void finish() const {
    if (count_ == 0) bytes_.malformed("the end marker comes before any frame header");
    for (int i = 0; i < count_; ++i)
      if (!components_[i].scanned) bytes_.truncated("no scan holds component ", i, " of ", count_);
    // Four components are ink only where Adobe's marker says so, and then they are stored inverted.
    if (count_ == 4 && adobe_transform_ != 0 && adobe_transform_ != 2)
      bytes_.unsupported("four components without an Adobe marker that says what they are (CMYK or YCCK)");
  }

  // Real files have about ten; more is a way to keep a decoder busy.
  static constexpr int max_scans = 100;

  ImageBytes& bytes_;
  std::int64_t max_pixels_;
  ImageStructure structure_;
  std::span<const std::uint8_t> segment_;
  std::array<Component, 4> components_{};
  std::array<bool, 4> quantisation_defined_{};
  std::array<std::array<bool, 4>, 2> huffman_defined_{};
  bool progressive_ = false;
  int count_ = 0, horizontal_ = 1, vertical_ = 1, interval_ = 0, adobe_transform_ = -1, scans_ = 0;
  std::int64_t data_units_ = 0, restarts_expected_ = 0;
};

}  // namespace

ImageStructure jpeg_structure(ImageBytes bytes, std::int64_t max_pixels) { return JpegWalk(bytes, max_pixels).walk(); }

}  // namespace mien::detail
