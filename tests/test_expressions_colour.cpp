// Photographs in colour: when a training reads them so, and that all commands then do.
#include <nlohmann/json.hpp>

#include "../examples/expressions/run_config.h"
#include "expressions_testing.h"
#include "mien/io/file.h"
#include "mien/io/image_transform.h"
#include "mien/io/safetensors.h"
#include "mien/models/imagenet.h"
#include "mien/train/weights.h"

using namespace mien;
using namespace mien::expressions;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

/// Drawn faces in faces/, tinted by `tint` in the folder tinted/; a base that has learned nothing in base.safetensors.
class ColourPlace : public Workplace {
 public:
  ColourPlace() {
    draw_faces();
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(*this / "faces"))
      if (entry.is_regular_file()) {
        const fs::path file = *this / "tinted" / fs::relative(entry.path(), *this / "faces");
        fs::create_directories(file.parent_path());
        write_png(file, tinted(read_image(entry.path(), {.channels = 3})));
      }
    Model base = models::imagenet_network("mobilenet_v2", {.input = {32, 32, 3}, .alpha = 0.35});
    base.initialize(11);
    for (const auto& parameter : base.parameters())
      if (parameter->name == "moving_variance")
        parameter->value.copy_from(Tensor::full(parameter->value.shape(), 0.1f));
    save(base, *this / "base.safetensors");
  }

  static Image tinted(Image face) {
    for (std::size_t i = 0; i < face.pixels.size(); i += 3) {
      face.pixels[i + 1] = static_cast<std::uint8_t>(face.pixels[i + 1] * 3 / 4);
      face.pixels[i + 2] = static_cast<std::uint8_t>(face.pixels[i + 2] / 2);
    }
    return face;
  }

  /// One of tinted/ loses its colour, and keeps its three channels.
  void make_one_grey() const {
    const fs::path one = *this / "tinted/happy/happy_g000_00.png";
    write_png(one, to_colour(to_grey(read_image(one))));
  }
};

std::vector<std::string> with_base(const std::string& data, const std::string& out,
                                   const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{
      "train",    "--data", data,     "--out",        out,       "--size", "32",        "--seed",          "3",
      "--epochs", "2",      "--base", "mobilenet_v2", "--alpha", "0.35",   "--weights", "base.safetensors"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string colour_of_file(const fs::path& run) {
  return read_safetensors(run / "best.safetensors").metadata["colour"];
}

}  // namespace

TEST_CASE("a pretrained base reads photographs in colour where all of them have it, and every command reads them so") {
  const ColourPlace place;
  const Outcome trained = place.run(with_base("tinted", "run"));
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  CHECK(read_config(place / "run").options.colour == "rgb");
  CHECK(colour_of_file(place / "run") == "red, green, blue");
  CHECK_THAT(contents(place / "run/report.html"), Contains("32 × 32 in colour"));
  CHECK((place.run({"evaluate", "run", "--json", "--quiet"}).out == contents(place / "run/metrics.json")));

  const std::string photo = "tinted/happy/happy_g000_00.png";
  const auto predicted = [&] {
    const Outcome outcome = place.run({"predict", "run", photo, "--json"});
    REQUIRE(outcome.exit_code == 0);
    return nlohmann::json::parse(outcome.out)[0]["probabilities"];
  };
  const nlohmann::json in_colour = predicted();
  const Outcome explained = place.run({"explain", "run", photo, "--quiet"});
  INFO(explained.err);
  CHECK(explained.exit_code == 0);
  place.make_one_grey();
  CHECK(predicted() != in_colour);
}

TEST_CASE("photographs of which one is grey are read grey, which is said, and colour is there for the asking") {
  const ColourPlace place;
  place.make_one_grey();
  const Outcome automatic = place.run(with_base("tinted", "runs/automatic"));
  INFO(automatic.err);
  REQUIRE(automatic.exit_code == 0);
  CHECK_THAT(automatic.err, Contains("happy/happy_g000_00.png has no colour") && Contains("--colour rgb"));
  CHECK(colour_of_file(place / "runs/automatic") == "grey, ITU-R 601");
  const Outcome asked = place.run(with_base("tinted", "runs/asked", {"--colour", "rgb"}));
  CHECK_THAT(asked.err, Contains("Features: 0 from the cache"));  // those of the grey pictures are others
  CHECK(colour_of_file(place / "runs/asked") == "red, green, blue");
}

TEST_CASE("grey photographs give a base the same, whether they are read grey or in colour") {
  const ColourPlace place;
  // The report's head has no dropout, whose draws depend on how many layers stand before it.
  REQUIRE(place.run(with_base("faces", "grey", {"--head", "report", "--quiet"})).exit_code == 0);
  REQUIRE(place.run(with_base("faces", "colour", {"--head", "report", "--quiet", "--colour", "rgb"})).exit_code == 0);
  CHECK(colour_of_file(place / "grey") == "grey, ITU-R 601");
  CHECK(colour_of_file(place / "colour") == "red, green, blue");
  CHECK((contents(place / "grey/metrics.json") == contents(place / "colour/metrics.json")));
}

TEST_CASE("a network of one's own reads grey unless it is told to read colour") {
  const ColourPlace place;
  const auto run = [&](const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> all{"train", "--data", "tinted", "--out", out, "--size", "32", "--epochs", "1", "--quiet"};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = place.run(all);
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return colour_of_file(place / out);
  };
  CHECK(run("grey", {}) == "grey, ITU-R 601");
  CHECK(run("colour", {"--colour", "rgb"}) == "red, green, blue");
  CHECK((place.run({"evaluate", "colour", "--json", "--quiet"}).out == contents(place / "colour/metrics.json")));
  const Outcome refused = place.run({"train", "--data", "tinted", "--out", "none", "--colour", "bgr"});
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Contains("[colour] must be auto, grey or rgb. Got \"bgr\"."));
}

TEST_CASE("a base that was pretrained on drawn faces goes on with photographs in colour") {
  const ColourPlace place;
  const Outcome trained =
      place.run({"train", "--data", "tinted", "--out", "run", "--size", "32", "--epochs", "1", "--pretrain",
                 "synthetic", "--pretrain-people", "10", "--pretrain-takes", "1", "--pretrain-epochs", "1", "--quiet"});
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  CHECK(colour_of_file(place / "run") == "red, green, blue");
}

TEST_CASE("in a study of photographs in colour the bases see it by the sound method, and Table 7 says so") {
  const ColourPlace place;
  const auto study = [&](const std::string& data, const std::string& out) {
    const Outcome done = place.run({"study", "--data",           data,        "--out",
                                    out,     "--size",           "32",        "--batch",
                                    "8",     "--epochs",         "2",         "--patience",
                                    "2",     "--seeds",          "1",         "--split",
                                    "group", "--sections",       "7",         "--method",
                                    "both",  "--pretrain",       "synthetic", "--pretrain-people",
                                    "10",    "--pretrain-takes", "1",         "--pretrain-epochs",
                                    "1",     "--brief",          "--quiet"});
    INFO(done.err);
    REQUIRE(done.exit_code == 0);
    return contents(place / out / "tables/table-7.csv");
  };
  CHECK_THAT(study("tinted", "colour"), Contains("as the weights expect, in colour") && Contains("/ 255"));
  place.make_one_grey();
  CHECK_THAT(study("tinted", "grey"), !Contains("in colour"));
}

TEST_CASE("a run that was begun before there was colour goes on grey") {
  const ColourPlace place;
  REQUIRE(place.run(with_base("tinted", "run", {"--colour", "grey", "--quiet"})).exit_code == 0);
  const fs::path file = place / "run/config.json";
  nlohmann::json config = nlohmann::json::parse(contents(file));
  config["options"].erase("colour");
  write_file_atomically(file, config.dump());
  const Outcome resumed = place.run({"train", "--resume", "run", "--epochs", "3", "--quiet"});
  INFO(resumed.err);
  CHECK(resumed.exit_code == 0);
  CHECK(colour_of_file(place / "run") == "grey, ITU-R 601");
}

TEST_CASE("prepare keeps colour where it is asked to") {
  const ColourPlace place;
  for (const std::string colour : {"grey", "rgb"})
    REQUIRE(place.run({"prepare", "tinted", colour, "--size", "32", "--colour", colour, "--quiet"}).exit_code == 0);
  const fs::path one = "happy/happy_g000_00.png";
  CHECK(read_image(place / "grey" / one).channels == 1);
  CHECK(read_image(place / "rgb" / one) == read_image(place / "tinted" / one));
  const Outcome refused = place.run({"prepare", "tinted", "none", "--colour", "auto"});
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Contains("[colour] must be grey or rgb."));
}
