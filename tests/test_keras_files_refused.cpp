// Keras's files that are not read: what does not fit, is unknown or is damaged is refused by name, and nothing changes.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "mien/io/file.h"
#include "mien/io/hdf5.h"
#include "mien/io/zip.h"
#include "mien/tests/child_process.h"
#include "mien/tests/keras_files_testing.h"

using namespace mien;
using namespace mien::testing;
namespace fs = std::filesystem;

namespace {

/// A .keras file of this description and no weights.
void write_description(const fs::path& path, const std::string& json) {
  Hdf5File weights;
  weights.groups["layers"] = {};
  const std::string bytes = hdf5_bytes(weights);
  write_zip(path, {{"config.json", json}, {"model.weights.h5", bytes}});
}

std::string chain(const std::string& layers, const std::string& shape = "[null, 8, 8, 3]") {
  return R"({"class_name": "Sequential", "config": {"name": "net", "layers": [{"class_name": "InputLayer", "config": )"
         R"({"batch_shape": )" +
         shape + R"(, "name": "image"}}, )" + layers + "]}}";
}

}  // namespace

TEST_CASE("weights that do not fit are refused with every name and shape, and nothing changes", "[keras_files]") {
  Model net = tiny_functional();
  net.initialize(3);
  const auto before = all_weights(net);
  for (const char* const file : {"tiny_sequential.keras", "tiny_sequential.weights.h5", "tiny_sequential.h5",
                                 "tiny_sequential.legacy_weights.h5", "tiny_sequential.keras2_weights.h5"}) {
    const std::string error = load_error(net, golden_weights() / file);
    INFO(error);
    CHECK_THAT(error, Catch::Contains(file) && Catch::Contains("these are not the weights of the network"));
    CHECK(all_weights(net) == before);
  }
  const std::string keras3 = load_error(net, golden_weights() / "tiny_sequential.weights.h5");
  CHECK_THAT(keras3, Catch::Contains("the network has nothing for \"layers/conv2d/vars/1\" (4)"));
  CHECK_THAT(keras3, Catch::Contains("the file has no \"layers/conv2d_1/vars/0\" for conv2d_1/kernel (1,1,4,4)"));
  CHECK_THAT(keras3, Catch::Contains("\"layers/dense/vars/0\" is (54,5) in the file, dense/kernel is (9,5) in the"));
  const std::string legacy = load_error(net, golden_weights() / "tiny_sequential.legacy_weights.h5");
  CHECK_THAT(legacy, Catch::Contains("the network has nothing for \"conv/") && Catch::Contains("(4)"));

  Sequential unbuilt{Flatten(), Dense(3)};
  CHECK_THAT(load_error(unbuilt, golden_weights() / "tiny_sequential.keras"), Catch::Contains("is not built yet"));
}

TEST_CASE("a layer, a setting or a graph that is not here is refused by name", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  const std::string dense = R"({"class_name": "Dense", "config": {"name": "d", "units": 3)";
  const std::vector<std::pair<std::string, std::string>> cases{
      {chain(R"({"class_name": "LSTM", "config": {"name": "memory", "units": 3}})"),
       "layer \"memory\": there is no layer class LSTM here."},
      {chain(dense + R"(, "activation": "gelu"}})"), "layer \"d\" (Dense): activation can be linear"},
      {chain(dense + R"(, "lora_rank": 4}})"), "layer \"d\" (Dense): there is no setting lora_rank here. Got 4."},
      {chain(dense + R"(}})", "[null, null, null, 3]"), "leaves the shape of its input open: [null,null,null,3]"},
      {chain(dense + R"(}})", "[null, 8, 0, 3]"), "should be a list of lengths. Got [null,8,0,3]"},
      {chain(R"({"class_name": "Dense", "config": {"name": "huge", "units": 2000000000}})"),
       "layer \"huge\": [huge] its kernel of shape (3,2000000000) would take more numbers than there are: 0 are left."},
      {chain(R"({"class_name": "Conv2D", "config": {"name": "wide", "filters": 2, "kernel_size": 9}})"),
       "layer \"wide\": [conv2d] a window of 9 cells does not fit the input's height of 8."},
      {chain(dense + R"(}}, )" + dense + R"(}})"), "there are"},
      {R"({"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "config": )"
       R"({"batch_shape": [null, 2]}}, {"class_name": "Flatten", "name": "f", "config": {}, )"
       R"("inbound_nodes": [[["ghost", 0, 0, {}]]]}], "input_layers": ["i", 0, 0], "output_layers": ["f", 0, 0]}})",
       "layer \"f\" reads \"ghost\", which there is not."},
      {R"({"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "config": )"
       R"({"batch_shape": [null, 2]}}, {"class_name": "Flatten", "name": "f", "config": {}, )"
       R"("inbound_nodes": [[["f", 0, 0, {}]]]}], "input_layers": ["i", 0, 0], "output_layers": ["f", 0, 0]}})",
       "layer \"f\" reads values that are never made."},
      {R"({"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "config": )"
       R"({"batch_shape": [null, 2]}}, {"class_name": "Flatten", "name": "f", "config": {}, )"
       R"("inbound_nodes": [[["i", 0, 0, {"training": true}]]]}], "input_layers": ["i", 0, 0], )"
       R"("output_layers": ["f", 0, 0]}})",
       "layer \"f\" is called with training=true, which there is not here."},
      {R"({"class_name": "Bert", "config": {"layers": [1]}})", "the network is a Bert; Sequential and Functional"},
      {std::string(100000, '['), "nested too deeply"},
      {"{\"class_name\": 3", "no JSON as Keras writes it"},
      {"{}", "the description of the network has no class_name."},
  };
  for (const auto& [json, wanted] : cases) {
    write_description(scratch / "net.keras", json);
    CHECK_THAT(model_error(scratch / "net.keras"), Catch::Contains(wanted) && Catch::Contains("net.keras] "));
  }
}

TEST_CASE("an input whose lengths are open takes the shape that is asked for", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  write_description(scratch / "net.keras", chain(R"({"class_name": "GlobalAveragePooling2D", "config": {"name": "g"}})",
                                                 "[null, null, null, 3]"));
  CHECK(load_keras_model(scratch / "net.keras", {5, 7, 3}).output_shapes()[0] == Shape{3});
}

TEST_CASE("damaged archives are refused with file, entry and reason", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  const std::string good = read_file(golden_weights() / "tiny_sequential.keras");
  const auto error = [&](std::string bytes) {
    write_file_atomically(scratch / "bad.keras", bytes);
    return model_error(scratch / "bad.keras");
  };
  CHECK_THAT(error(good.substr(0, good.size() - 10)), Catch::Contains("bad.keras] no end of a zip archive was found"));
  CHECK_THAT(error(good.substr(0, 5000)), Catch::Contains("truncated"));
  std::string flipped = good;
  flipped[good.find("\x89HDF") + 100] ^= 1;
  CHECK_THAT(error(flipped), Catch::Contains("entry \"model.weights.h5\" is damaged: its checksum differs."));
  std::string compressed = good;
  compressed[good.find("PK\1\2") + 10] = 8;
  CHECK_THAT(error(compressed), Catch::Contains("entry \"metadata.json\" is compressed (method 8)"));
  CHECK_THAT(error("PK\3\4"), Catch::Contains("bad.keras"));
  CHECK_THAT(error("GIF89a"), Catch::Contains("none of Keras's: neither HDF5 nor a zip archive"));
  CHECK_THAT(error(""), Catch::Contains("none of Keras's"));
  CHECK_THAT(model_error(scratch / "absent.keras"), Catch::Contains("absent.keras] could not be read: No such file"));
  CHECK_THAT(model_error(scratch.path()), Catch::Contains("no regular file"));
  write_zip(scratch / "bad.keras", {{"config.json", "{}"}});
  CHECK_THAT(model_error(scratch / "bad.keras"), Catch::Contains("the archive has no \"model.weights.h5\"."));
}

TEST_CASE("a truncated HDF5 file is refused with what the library says of it", "[keras_files]") {
  const mien::testing::ScratchFolder scratch;
  const std::string good = read_file(golden_weights() / "tiny_functional.h5");
  Model net = tiny_functional();
  net.initialize(1);
  const auto before = all_weights(net);
  for (const std::size_t length : {good.size() - 1, good.size() / 2, std::size_t{2000}, std::size_t{100}}) {
    write_file_atomically(scratch / "short.h5", good.substr(0, length));
    const std::string error = load_error(net, scratch / "short.h5");
    INFO(error);
    CHECK_THAT(error, Catch::Contains("short.h5] the file of \"\" cannot be read (HDF5: "));
    CHECK(all_weights(net) == before);
  }
}
