// Weight files: round trips, and files that must be refused.
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>

#include "mien/core/random.h"
#include "mien/io/file.h"
#include "mien/io/safetensors.h"
#include "mien/kernels/error.h"

using namespace mien;

namespace {

std::filesystem::path scratch(const std::string& name) {
  return std::filesystem::temp_directory_path() / ("mien_safetensors_" + name);
}

std::string with_header(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

void refuse(const std::string& bytes, const std::string& message) {
  const auto path = scratch("bad");
  write_file_atomically(path, bytes);
  CHECK_THROWS_WITH(read_safetensors(path), Catch::Contains(message) && Catch::Contains("bad"));
}

}  // namespace

TEST_CASE("a weights file reads back with every name, shape, number and metadata", "[safetensors]") {
  const auto path = scratch("good");
  WeightsFile file;
  file.tensors.push_back({"dense/kernel", Tensor::from(std::vector<float>{1.5f, -2, 3, 4, 5, 6}, {2, 3})});
  file.tensors.push_back({"step", Tensor::from(std::vector<std::int32_t>{7}, {})});
  file.tensors.push_back({"pixels", Tensor::from(std::vector<std::uint8_t>{1, 2, 255}, {3})});
  file.metadata["class_names"] = "[\"angry\",\"happy \\u00fc\"]";
  write_safetensors(path, file);
  const WeightsFile back = read_safetensors(path);
  REQUIRE(back.tensors.size() == 3);
  CHECK(back.tensors[0].name == "dense/kernel");
  CHECK(back.tensors[0].value.shape() == Shape{2, 3});
  CHECK(back.tensors[0].value.to_vector() == std::vector<float>{1.5f, -2, 3, 4, 5, 6});
  CHECK(back.tensors[1].value.to_vector<std::int32_t>() == std::vector<std::int32_t>{7});
  CHECK(back.tensors[2].value.to_vector<std::uint8_t>() == std::vector<std::uint8_t>{1, 2, 255});
  CHECK(back.metadata == file.metadata);
  const std::string first = read_file(path);
  write_safetensors(path, back);
  CHECK(read_file(path) == first);
}

TEST_CASE("narrow and wide floats become float32, int64 becomes int32 where it fits", "[safetensors]") {
  const auto path = scratch("types");
  const std::string half("\x00\x3c\x00\xc0", 4);    // 1, -2
  const std::string brain("\x80\x3f\x00\xc0", 4);   // 1, -2
  const std::string wide("\x05\0\0\0\0\0\0\0", 8);  // 5
  write_file_atomically(path, with_header(R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                                          R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]},)"
                                          R"("i":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}})",
                                          half + brain + wide));
  const WeightsFile file = read_safetensors(path);
  CHECK(file.tensors[0].value.to_vector() == std::vector<float>{1, -2});
  CHECK(file.tensors[1].value.to_vector() == std::vector<float>{1, -2});
  CHECK(file.tensors[2].value.to_vector<std::int32_t>() == std::vector<std::int32_t>{5});
}

TEST_CASE("a weights file that breaks a rule is refused with file, place and rule", "[safetensors]") {
  const std::string four(4, '\0');
  refuse("abc", "length of 8 bytes");
  refuse(std::string(7, '\0') + "\x7f", "bytes");
  refuse(with_header("{not json", ""), "no JSON");
  refuse(with_header("[1]", ""), "object");
  refuse(with_header(std::string(100000, '['), ""), "nested too deeply");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", four), "outside");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", four), "takes 8 bytes");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", four + four), "begins at byte 4");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four + four), "end at byte 4");
  refuse(
      with_header(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          four),
      "comes twice");
  refuse(with_header(R"({"a":{"dtype":"Q7","shape":[1],"data_offsets":[0,4]}})", four), "cannot be read");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four), "from 0 up");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[140737488355327,140737488355327],"data_offsets":[0,4]}})", four),
         "too many elements");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1],"data_offsets":[0,4]}})", four), "at most 6 axes");
}

TEST_CASE("two thousand mutated weight files each load or are refused, and none crashes", "[safetensors]") {
  const auto path = scratch("mutated");
  WeightsFile file;
  file.tensors.push_back({"kernel", Tensor::zeros({3, 3, 2, 4})});
  file.tensors.push_back({"bias", Tensor::zeros({4})});
  file.metadata["version"] = "1";
  write_safetensors(path, file);
  const std::string good = read_file(path);
  Random random(1, Purpose::test);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = good;
    for (std::uint32_t flips = 1 + random.below(3); flips > 0; --flips)
      bytes[random.below(240)] ^= static_cast<char>(1u << random.below(8));
    if (random.below(4) == 0) bytes.resize(random.below(static_cast<std::uint32_t>(bytes.size())));
    write_file_atomically(path, bytes);
    try {
      for (const NamedTensor& tensor : read_safetensors(path).tensors) REQUIRE(tensor.value.size() <= 76);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
}
