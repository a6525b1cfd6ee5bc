// Reading pictures: Pillow's own numbers for small files good and bad, and files damaged in every way we thought of.
#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>
#include <random>
#include <thread>

#include "golden.h"
#include "mien/io/exif.h"
#include "mien/io/file.h"
#include "mien/io/image.h"
#include "mien/io/image_transform.h"
#include "mien/kernels/error.h"

using namespace mien;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// A picture of smooth colours, so that JPEG keeps it well.
Image ramp(int height, int width, int channels) {
  Image image(height, width, channels);
  for (int row = 0; row < height; ++row)
    for (int column = 0; column < width; ++column)
      for (int channel = 0; channel < channels; ++channel)
        image.at(row, column, channel) = static_cast<std::uint8_t>(20 + 3 * row + 2 * column + 40 * channel);
  return image;
}

std::string bytes_of(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

// A TIFF block with one entry, the orientation.
std::string orientation_block(bool big_endian, int value) {
  return big_endian ? "MM" + bytes_of({0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0})
                    : "II" + bytes_of({42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0});
}

int orientation_of(const std::string& block) {
  return exif_orientation({reinterpret_cast<const std::uint8_t*>(block.data()), block.size()});
}

std::vector<std::string> golden_files() {
  std::vector<std::string> files;
  const nlohmann::json index = test::golden_index("images.json");
  for (const auto& test_case : index.at("cases"))
    files.push_back(read_file(test::golden_folder() / test_case.at("file").get<std::string>(), 1 << 20));
  return files;
}

}  // namespace

TEST_CASE("golden images: every file gives Pillow's pixels or fails in the way expected", "[image][golden]") {
  const nlohmann::json index = test::golden_index("images.json");
  int covered = 0;
  for (const auto& test_case : index.at("cases")) {
    const std::string file = test_case.at("file");
    const std::filesystem::path path = test::golden_folder() / file;
    INFO(file);
    ++covered;
    if (!test_case.at("ok").get<bool>()) {
      CHECK_THROWS_WITH(read_image(path),
                        StartsWith("[" + path.string() + "] " + test_case.at("failure").get<std::string>() + ":"));
      continue;
    }
    const Image grey = read_image(path, {.channels = 1});
    REQUIRE(grey.width == test_case.at("width").get<int>());
    REQUIRE(grey.height == test_case.at("height").get<int>());
    REQUIRE(grey.channels == 1);
    double sum = 0;
    for (const std::uint8_t value : grey.pixels) sum += value;
    const auto& tolerance = test_case.at("tolerance");
    CHECK(std::abs(sum / static_cast<double>(grey.pixels.size()) - test_case.at("mean").get<double>()) <=
          tolerance.at("mean").get<double>());
    for (const auto& pixel : test_case.at("pixels")) {
      const int row = pixel[0], column = pixel[1], expected = pixel[2];
      INFO("row " << row << ", column " << column);
      CHECK(std::abs(grey.at(row, column) - expected) <= tolerance.at("pixel").get<int>());
    }
    const Image colour = read_image(path, {.channels = 3});
    CHECK(colour.channels == 3);
    CHECK(to_grey(colour) == grey);
    const Image stored = read_image(path);
    CHECK((stored == colour || stored == grey));
  }
  std::cout << "golden images: " << covered << " cases covered, 0 await an op\n";
}

TEST_CASE("an orientation is read in both byte orders, and a corrupt block counts as upright", "[image]") {
  for (int value = 1; value <= 8; ++value) {
    CHECK(orientation_of(orientation_block(false, value)) == value);
    CHECK(orientation_of(orientation_block(true, value)) == value);
  }
  CHECK(orientation_of(orientation_block(true, 0)) == 1);
  CHECK(orientation_of(orientation_block(false, 9)) == 1);
  const std::string block = orientation_block(true, 6);
  for (std::size_t size = 0; size < 22; ++size) CHECK(orientation_of(block.substr(0, size)) == 1);
  std::string far = block;
  far[4] = static_cast<char>(0xFF);  // the directory lies beyond the block
  CHECK(orientation_of(far) == 1);
}

TEST_CASE("what is written is read again: PNG to the byte, JPEG closely", "[image]") {
  for (const int channels : {1, 3}) {
    const Image image = ramp(13, 21, channels);
    CHECK(decode_image(encode_png(image), "p") == image);
    const Image again = decode_image(encode_jpeg(image, {.quality = 95}), "j", {.channels = channels});
    REQUIRE(again.pixels.size() == image.pixels.size());
    for (std::size_t i = 0; i < image.pixels.size(); ++i) REQUIRE(std::abs(again.pixels[i] - image.pixels[i]) <= 6);
  }
  const auto path =
      std::filesystem::temp_directory_path() / ("mien_test_image_" + std::to_string(std::random_device()()));
  write_png(path, ramp(2, 3, 3));
  CHECK(read_image(path) == ramp(2, 3, 3));
  write_jpeg(path, ramp(8, 8, 1));
  CHECK(read_image(path).height == 8);
  std::filesystem::remove(path);
}

TEST_CASE("a picture that contradicts itself cannot be written", "[image]") {
  Image image = ramp(2, 2, 3);
  image.pixels.pop_back();
  CHECK_THROWS_WITH(encode_png(image), Contains("2 x 2 x 3 and 11 bytes"));
  CHECK_THROWS_WITH(encode_jpeg(ramp(2, 2, 1), {.quality = 101}), Contains("quality must be 1 to 100"));
  CHECK_THROWS_WITH(Image(0, 2, 1), Contains("Got 0 x 2 x 1"));
  CHECK_THROWS_WITH(Image(1, 2, 4), Contains("channels 1 or 3"));
}

TEST_CASE("options of reading hold: channels, orientation, the largest size", "[image]") {
  const std::string png = encode_png(ramp(4, 6, 3));
  CHECK(decode_image(png, "p", {.channels = 1}) == to_grey(ramp(4, 6, 3)));
  CHECK(decode_image(encode_png(ramp(4, 6, 1)), "p", {.channels = 3}) == to_colour(ramp(4, 6, 1)));
  CHECK_THROWS_WITH(decode_image(png, "p", {.channels = 2}), Contains("Got 2"));
  CHECK(decode_image(png, "p", {.max_pixels = 24}).width == 6);
  CHECK_THROWS_WITH(decode_image(png, "p", {.max_pixels = 23}), StartsWith("[p] too large:") && Contains("6 x 4"));
  std::string jpeg = encode_jpeg(ramp(4, 6, 3));
  const std::string block = "Exif" + bytes_of({0, 0}) + orientation_block(true, 6);
  jpeg.insert(2, bytes_of({0xFF, 0xE1, 0, static_cast<int>(block.size() + 2)}) + block);
  CHECK(decode_image(jpeg, "j").height == 6);
  CHECK(decode_image(jpeg, "j", {.apply_orientation = false}).height == 4);
}

TEST_CASE("a file cut anywhere is refused as truncated", "[image]") {
  for (const std::string& whole : {encode_png(ramp(9, 9, 3)), encode_jpeg(ramp(9, 9, 3))})
    for (std::size_t size = 10; size < whole.size(); ++size)
      REQUIRE_THROWS_WITH(decode_image(whole.substr(0, size), "cut"), StartsWith("[cut] truncated:"));
}

TEST_CASE("a cut file with an end marker put behind it is still refused", "[image]") {
  // The markers are in order, only the pixels are missing: their number says so.
  const std::string whole = encode_jpeg(ramp(400, 400, 3));
  const std::size_t scan = whole.find("\xFF\xDA");
  REQUIRE(scan != std::string::npos);
  CHECK_THROWS_WITH(decode_image(whole.substr(0, scan + 200) + "\xFF\xD9", "cut"), StartsWith("[cut] truncated:"));
}

TEST_CASE("a GIF shows its colours even where it calls them transparent, and all its pixels must be there", "[image]") {
  // 2 x 1 pixels of colours 0 and 1, of which 1 is marked transparent.
  const std::string head = "GIF89a" + bytes_of({2, 0, 1, 0, 0x80, 0,    0, 10, 20, 30, 200, 100, 50, 0x21, 0xF9, 4,
                                                1, 0, 0, 1, 0,    0x2C, 0, 0,  0,  0,  2,   0,   1,  0,    0,    2});
  const std::string tail = bytes_of({0, 0x3B});
  CHECK(decode_image(head + bytes_of({2, 0x44, 0x0A}) + tail, "g").pixels ==
        std::vector<std::uint8_t>{10, 20, 30, 200, 100, 50});
  CHECK_THROWS_WITH(decode_image(head + bytes_of({2, 0x44, 0x01}) + tail, "g"), StartsWith("[g] truncated:"));
  CHECK_THROWS_WITH(decode_image(head + bytes_of({2, 0x44, 0x0A, 0}), "g"),
                    StartsWith("[g] truncated:") && Contains("trailer"));
}

TEST_CASE("four components without a word on their meaning are refused, not guessed", "[image]") {
  // A grey JPEG whose frame and scan are rewritten to have four components, all of the same table.
  const std::string frame =
      bytes_of({0xFF, 0xC0, 0, 20, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0});
  const std::string scan = bytes_of({0xFF, 0xDA, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0});
  std::string jpeg = encode_jpeg(ramp(8, 8, 1));
  const std::size_t old_frame = jpeg.find("\xFF\xC0");
  REQUIRE(old_frame != std::string::npos);
  jpeg.replace(old_frame, 2 + static_cast<std::size_t>(jpeg[old_frame + 3]), frame);
  const std::size_t old_scan = jpeg.find("\xFF\xDA");
  REQUIRE(old_scan != std::string::npos);
  jpeg.replace(old_scan, 2 + static_cast<std::size_t>(jpeg[old_scan + 3]), scan);
  CHECK_THROWS_WITH(decode_image(jpeg, "c"), StartsWith("[c] not supported:") && Contains("four components"));
}

TEST_CASE("a file that is not there is named", "[image]") {
  CHECK_THROWS_WITH(read_image("no such picture.jpg"),
                    StartsWith("[no such picture.jpg] ") && Contains("No such file"));
}

TEST_CASE("a checksum that does not match is an error with its place", "[image]") {
  std::string png = encode_png(ramp(9, 9, 3));
  png[png.find("IDAT") + 20] ^= 1;
  CHECK_THROWS_WITH(decode_image(png, "p"), StartsWith("[p] malformed:") && Contains("IDAT") && Contains("at byte"));
}

TEST_CASE("damaged files are read or refused, never worse", "[image]") {
  // Bits flipped, bytes overwritten, pieces cut and doubled. Checksums would catch most of it in a PNG, so a refusal
  // is common; what matters is that nothing but Error comes out and sizes stay within the limit.
  const std::vector<std::string> files = golden_files();
  std::mt19937 generator(1);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(generator);
  };
  int read = 0, refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string file = files[below(files.size())];
    if (file.empty()) continue;
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      const std::size_t at = below(file.size());
      switch (below(5)) {
        case 0:
        case 1:
          file[at] = static_cast<char>(file[at] ^ 1 << below(8));
          break;
        case 2:
          file[at] = static_cast<char>(below(2) ? 0xFF : below(256));
          break;
        case 3:
          file.resize(at + 1);
          break;
        case 4:
          file.insert(at, file.substr(below(file.size()), below(40)));
          break;
      }
    }
    try {
      const Image image = decode_image(file, "damaged", {.max_pixels = 1'000'000});
      REQUIRE(image.pixels.size() <= 3'000'000);
      ++read;
    } catch (const Error& error) {
      REQUIRE_THAT(error.what(), StartsWith("[damaged] "));
      ++refused;
    }
  }
  CHECK(read > 100);
  CHECK(refused > 100);
}

TEST_CASE("pictures are decoded on many threads at once", "[image]") {
  const std::vector<std::string> files = golden_files();
  const auto outcome = [](const std::string& file) {
    try {
      return decode_image(file, "f").pixels;
    } catch (const Error& error) {
      const std::string text = error.what();
      return std::vector<std::uint8_t>(text.begin(), text.end());
    }
  };
  std::vector<std::vector<std::uint8_t>> expected;
  for (const std::string& file : files) expected.push_back(outcome(file));
  std::vector<int> differences(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < differences.size(); ++thread)
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 20; ++round)
        for (std::size_t i = 0; i < files.size(); ++i) differences[thread] += outcome(files[i]) != expected[i];
    });
  for (std::thread& thread : threads) thread.join();
  for (const int count : differences) CHECK(count == 0);
}
