// expressions weights: the list, downloads from a server of our own, and checks of files.
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "../examples/expressions/download.h"
#include "../examples/expressions/options.h"
#include "../examples/expressions/weights_catalog.h"
#include "expressions_testing.h"
#include "mien/io/file.h"
#include "mien/io/keras_file.h"
#include "mien/io/md5.h"
#include "mien/models/imagenet.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

/// Serves place/served on a port of this machine.
class FileServer {
 public:
  explicit FileServer(const ScratchFolder& place, std::vector<std::string> options = {})
      : port_file_(place / "port"),
        process_((fs::create_directories(place / "served"), arguments(place, options)), place.path()) {
    for (int waited = 0; waited < 1000 && !fs::exists(port_file_); ++waited)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    address_ = "http://127.0.0.1:" + contents(port_file_);
  }

  std::string address(const std::string& path = "") const { return address_ + path; }
  /// A line a request: its path and the range that was asked for.
  std::string requests() const { return contents(port_file_.string() + ".log"); }

 private:
  static std::vector<std::string> arguments(const ScratchFolder& place, std::vector<std::string> options) {
    std::vector<std::string> all{"python3", MIEN_SOURCE_DIR "/tests/file_server.py", (place / "served").string(),
                                 (place / "port").string()};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }

  fs::path port_file_;
  ChildProcess process_;
  std::string address_;
};

/// A file of many bytes that are not all the same.
std::string long_text(std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += static_cast<char>(i * i * 7 + i / 251);
  return text;
}

/// What is wanted: /file of the server, whose right content is `text`.
Download wanted(const FileServer& server, const fs::path& target, const std::string& text) {
  return {.address = server.address("/file"),
          .target = target,
          .bytes = 0,
          .fault = [sum = md5_of(text)](const fs::path& file) {
            return md5_of_file(file) == sum ? std::string() : std::string("its MD5 is another.");
          }};
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the list names each published file of the six networks once, with Keras's MD5 where there is one") {
  const Workplace place;
  const auto json = nlohmann::json::parse(place.run({"weights", "list", "--json"}).out);
  std::set<std::string> networks, addresses, names;
  for (const auto& file : json) {
    networks.insert(file["network"].get<std::string>());
    addresses.insert(file["address"].get<std::string>());
    names.insert(file["name"].get<std::string>());
    if (file["network"] != "mobilenet_v2") CHECK(file["md5"].get<std::string>().size() == 32);
  }
  CHECK(networks.size() == 6);
  CHECK(addresses.size() == json.size());
  CHECK(names.size() == json.size());
  CHECK(json.size() == 2 * (5 + 22));  // five networks, and the paper's 22 MobileNets
  CHECK(addresses.count("https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
                        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5") == 1);
  CHECK_THAT(place.run({"weights", "list", "resnet50"}).out,
             Contains("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5") &&
                 Contains("4d473c1dd8becc155b73f8504c6f6626") && !Contains("vgg16"));
}

TEST_CASE("Keras takes the MobileNetV2 weights of the pictures' size where there are some, else those of 224") {
  CHECK(published_base("mobilenet_v2", 0.35, 96).name == "mobilenet_v2_0.35_96");
  CHECK(published_base("mobilenet_v2", 1, 256).name == "mobilenet_v2");
  CHECK(published_base("mobilenet_v2", 1.4, 96).name == "mobilenet_v2_1.4_224");
  CHECK(published_base("vgg16", 1, 96).name == "vgg16");
  CHECK_THROWS_AS(published_base("mobilenet_v2", 0.2, 96), Error);
}

TEST_CASE("a download is put in its place whole; one that broke off goes on where it was") {
  const ScratchFolder place;
  const std::string text = long_text(300000);
  {
    const FileServer server(place, {"--stop-after", "100000"});
    write_file_atomically(place / "served/file", text);
    const Download file = wanted(server, place / "got/file", text);
    CHECK_THAT(message_of([&] { download(file, true); }), Contains(server.address()) && Contains("kept in"));
    CHECK(!fs::exists(place / "got/file"));
    CHECK(fs::file_size(place / "got/file.part") == 100000);
    download(file, true);
    CHECK((contents(place / "got/file") == text));
    CHECK(!fs::exists(place / "got/file.part"));
    CHECK_THAT(server.requests(), Contains("bytes=100000-"));
  }
}

TEST_CASE("a part that is of another file, or that the server cannot go on from, begins anew") {
  const std::string text = long_text(50000);
  for (const bool ranges : {false, true}) {
    const ScratchFolder place;
    const FileServer server(place, ranges ? std::vector<std::string>{} : std::vector<std::string>{"--no-ranges"});
    INFO(ranges);
    write_file_atomically(place / "served/file", text);
    for (const std::size_t length : {1000, 50000, 70000}) {  // shorter, as long and longer than the file
      write_file_atomically(place / "file.part", std::string(length, 'x'));
      fs::remove(place / "file");
      download(wanted(server, place / "file", text), true);
      CHECK((contents(place / "file") == text));
    }
    write_file_atomically(place / "file.part", text);  // whole, but not in its place yet
    fs::remove(place / "file");
    download(wanted(server, place / "file", text), true);
    CHECK((contents(place / "file") == text));
  }
}

TEST_CASE("a file that is not the published one is removed; an absent one, server and curl are told of") {
  const ScratchFolder place;
  const FileServer server(place, {"--web-page"});
  Download file = wanted(server, place / "file", "the right one");
  CHECK_THAT(message_of([&] { download(file, true); }), Contains("not the file") && Contains("removed"));
  CHECK(!fs::exists(place / "file"));
  CHECK(!fs::exists(place / "file.part"));
  file.address = "http://127.0.0.1:1/file";
  CHECK_THAT(message_of([&] { download(file, true); }), Contains("could not be downloaded"));
  CHECK_THAT(message_of([&] { download(file, true, "no-such-curl"); }),
             Contains("no-such-curl cannot be started") && Contains("apt install curl") && Contains(file.address));
  file.address = "file:///etc/hostname";
  CHECK_THAT(message_of([&] { download(file, true); }), Contains("could not be downloaded"));
  CHECK(!fs::exists(place / "file"));
}

TEST_CASE("weights get refuses a mirror's file of another MD5, and leaves a file that is there alone") {
  const Workplace place;
  const FileServer server(place);
  const std::string name = "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5";
  fs::create_directories(place / "served/vgg16");
  write_file_atomically(place / ("served/" + name), "not the weights");
  const Outcome other = place.run({"weights", "get", "vgg16", "--from", server.address() + "/", "--quiet"});
  CHECK(other.exit_code == 1);
  CHECK_THAT(other.err, Contains("6d6bbae143d832006294945121d1f1fc") && Contains("removed"));
  CHECK_THAT(server.requests(), Contains("/" + name));
  CHECK(fs::is_empty(place / "weights"));
  const fs::path mine = place / "weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5";
  write_file_atomically(mine, "mine");
  const Outcome there = place.run({"weights", "get", "vgg16", "--from", server.address(), "--quiet"});
  CHECK(there.exit_code == 1);
  CHECK_THAT(there.err, Contains("left alone"));
  CHECK(contents(mine) == "mine");
  const Outcome checked = place.run({"weights", "check", mine.string()});
  CHECK(checked.exit_code == 1);
  CHECK_THAT(checked.err, Contains("6d6bbae143d832006294945121d1f1fc"));
  const Outcome missing = place.run({"weights", "get", "densenet121", "--from", server.address(), "--quiet"});
  CHECK(missing.exit_code == 1);
  CHECK_THAT(missing.err, Contains("404"));
}

TEST_CASE("a file without a published MD5 is known by the network that it fits") {
  const Workplace place;
  const FileServer server(place);
  const std::string name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5";
  Model net = models::imagenet_network("mobilenet_v2", {.input = {96, 96, 3}, .alpha = 0.35});
  net.initialize(1);
  save_weights(net, place / "right.weights.h5");
  fs::create_directories(place / "served/mobilenet_v2");
  fs::copy_file(place / "right.weights.h5", place / ("served/mobilenet_v2/" + name));
  const auto get = [&](const std::string& which) {
    return place.run({"weights", "get", which, "--from", server.address(), "--quiet"});
  };
  const Outcome got = get("mobilenet_v2_0.35_96");
  INFO(got.err);
  REQUIRE(got.exit_code == 0);
  CHECK_THAT(got.out, Contains("every name and shape"));
  CHECK_THAT(get("mobilenet_v2_0.35_96").out, Contains("was there already"));
  CHECK(place.run({"weights", "check", "weights/" + name}).exit_code == 0);
  // The same weights under the name of a wider network.
  fs::copy_file(place / "right.weights.h5",
                place / "served/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5");
  const Outcome other = get("mobilenet_v2");
  CHECK(other.exit_code == 1);
  CHECK_THAT(other.err, Contains("cannot be loaded into the network") && Contains("removed"));
}

TEST_CASE("weights says what it can do, and which name was meant") {
  const Workplace place;
  CHECK(place.run({"weights", "fetch"}).exit_code == 2);
  CHECK(place.run({"weights", "get"}).exit_code == 2);
  const Outcome misspelt = place.run({"weights", "get", "resnet5"});
  CHECK(misspelt.exit_code == 2);
  CHECK_THAT(misspelt.err, Contains("resnet50"));
  write_file_atomically(place / "file.h5", "what is this");
  const Outcome unknown = place.run({"weights", "check", "file.h5"});
  CHECK(unknown.exit_code == 1);
  CHECK_THAT(unknown.err, Contains("neither the name nor the MD5"));
}
