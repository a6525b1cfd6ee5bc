// Synthetic faces: pure functions of their arguments, fixed people, visible expressions, and a folder of files.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "mien/data/synthetic_faces.h"
#include "mien/kernels/error.h"

using namespace mien;

namespace {

constexpr int angry = 0, astonish = 1, happy = 2, neutral = 3, sad = 4;

// A person's clear expression, seen from the front in even light by a perfect camera.
Image canonical(const SyntheticFacesOptions& options, int person, int label) {
  return draw_face(synthetic_identity(options, person), synthetic_expression(options, person, label, 0), {},
                   options.size);
}

double distance(const Image& a, const Image& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

// Mean difference in rows top to bottom and columns left to right, as shares of the side.
double distance_within(const Image& a, const Image& b, double top, double bottom, double left, double right) {
  double sum = 0;
  int count = 0;
  for (int y = static_cast<int>(top * a.height); y < static_cast<int>(bottom * a.height); ++y)
    for (int x = static_cast<int>(left * a.width); x < static_cast<int>(right * a.width); ++x, ++count)
      sum += std::abs(a.at(y, x) - b.at(y, x));
  return sum / count;
}

std::vector<float> looks(const FaceIdentity& identity) {
  return {identity.head_width,
          identity.jaw_taper,
          identity.skin,
          identity.hair,
          identity.hairline,
          identity.eye_width,
          identity.eye_spacing,
          identity.nose_width,
          identity.mouth_width,
          identity.brow_thickness,
          static_cast<float>(identity.hair_style),
          static_cast<float>(identity.glasses_style)};
}

struct Scratch {
  std::filesystem::path path;
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "mien_faces_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("the same arguments draw the same bits, in any order and on any thread") {
  const SyntheticFacesOptions options{.size = 96, .seed = 5};
  const Image first = synthetic_face(options, 3, happy, 1);
  synthetic_face(options, 4, sad, 0);
  Image elsewhere;
  std::thread([&] { elsewhere = synthetic_face(options, 3, happy, 1); }).join();
  CHECK(elsewhere == first);
}

TEST_CASE("every argument of a synthetic face makes a difference") {
  const SyntheticFacesOptions options{.size = 64};
  const Image face = synthetic_face(options, 3, happy, 1);
  CHECK_FALSE(synthetic_face(options, 2, happy, 1) == face);
  CHECK_FALSE(synthetic_face(options, 3, sad, 1) == face);
  CHECK_FALSE(synthetic_face(options, 3, happy, 2) == face);
  CHECK_FALSE(synthetic_face({.size = 64, .seed = 2}, 3, happy, 1) == face);
}

TEST_CASE("a picture depends on neither the number of people nor of takes") {
  const Image face = synthetic_face({.people = 8, .per_class_per_person = 2, .size = 64}, 3, angry, 1);
  CHECK(synthetic_face({.people = 90, .per_class_per_person = 7, .size = 64}, 3, angry, 1) == face);
}

TEST_CASE("a synthetic face is a grey picture of the size asked for, with contrast") {
  for (const int size : {16, 100, 256}) {
    const Image face = synthetic_face({.size = size}, 0, neutral, 0);
    CHECK(face.height == size);
    CHECK(face.width == size);
    CHECK(face.channels == 1);
    const auto [darkest, lightest] = std::minmax_element(face.pixels.begin(), face.pixels.end());
    CHECK(int{*lightest} - int{*darkest} > 80);
  }
}

TEST_CASE("an identity is one person's alone") {
  const SyntheticFacesOptions options{.people = 30};
  for (int person = 0; person < options.people; ++person)
    for (int other = 0; other < person; ++other)
      REQUIRE(looks(synthetic_identity(options, person)) != looks(synthetic_identity(options, other)));
}

TEST_CASE("two takes of one expression differ in strength and view but not in who it is") {
  const SyntheticFacesOptions options{.size = 64};
  const FaceExpression first = synthetic_expression(options, 3, happy, 0),
                       second = synthetic_expression(options, 3, happy, 1);
  CHECK(first.mouth_curve != second.mouth_curve);
  CHECK(synthetic_view(options, 3, happy, 0).yaw != synthetic_view(options, 3, happy, 1).yaw);
  // The same looks, face and view give the same picture: nothing else goes into it.
  const Image whole = synthetic_face(options, 3, happy, 1);
  CHECK(draw_face(synthetic_identity(options, 3), second, synthetic_view(options, 3, happy, 1), 64) == whole);
}

TEST_CASE("expressions move what they should, on the average person") {
  const SyntheticFacesOptions options{.people = 40};
  FaceExpression mean[5];
  for (int label = 0; label < 5; ++label)
    for (int person = 0; person < options.people; ++person) {
      const FaceExpression face = synthetic_expression(options, person, label, 0);
      mean[label].brow_slant += face.brow_slant / 40, mean[label].brow_raise += face.brow_raise / 40;
      mean[label].mouth_curve += face.mouth_curve / 40, mean[label].mouth_open += face.mouth_open / 40;
      mean[label].eye_open += face.eye_open / 40;
    }
  CHECK(mean[angry].brow_slant < -0.5f);
  CHECK(mean[sad].brow_slant > 0.5f);
  CHECK(mean[astonish].brow_raise > 0.5f);
  CHECK(mean[astonish].mouth_open > 0.3f);
  CHECK(mean[astonish].eye_open > 0.4f);
  CHECK(mean[happy].mouth_curve > 0.5f);
  CHECK(mean[sad].mouth_curve < -0.5f);
  CHECK(std::abs(mean[neutral].mouth_curve) < 0.1f);
  CHECK(std::abs(mean[neutral].brow_slant) < 0.1f);
}

TEST_CASE("an expression changes the pixels of brows and mouth and leaves the shoulders alone") {
  const FaceIdentity identity;
  const Image rest = draw_face(identity, {}, {});
  const Image smile = draw_face(identity, {.mouth_curve = 1, .mouth_open = 0.5f, .teeth = 1}, {});
  CHECK(distance_within(rest, smile, 0.65, 0.85, 0.35, 0.65) > 8);
  CHECK(distance_within(rest, smile, 0.30, 0.50, 0.2, 0.8) < 0.5);
  const Image frown = draw_face(identity, {.brow_slant = -1, .brow_pinch = 1}, {});
  CHECK(distance_within(rest, frown, 0.35, 0.48, 0.3, 0.7) > 8);
  CHECK(distance_within(rest, frown, 0.65, 0.85, 0.35, 0.65) < 0.5);
  CHECK(distance_within(rest, frown, 0.95, 1, 0, 1) == 0);
}

TEST_CASE("people differ more than expressions do") {
  const SyntheticFacesOptions options{.people = 12, .size = 64};
  std::vector<std::vector<Image>> faces(12);
  for (int person = 0; person < 12; ++person)
    for (int label = 0; label < 5; ++label)
      faces[static_cast<std::size_t>(person)].push_back(canonical(options, person, label));
  double between_people = 0, between_expressions = 0;
  int people_pairs = 0, expression_pairs = 0;
  for (std::size_t person = 0; person < 12; ++person)
    for (std::size_t label = 0; label < 5; ++label) {
      for (std::size_t other = 0; other < person; ++other, ++people_pairs)
        between_people += distance(faces[person][label], faces[other][label]);
      for (std::size_t other = 0; other < label; ++other, ++expression_pairs)
        between_expressions += distance(faces[person][label], faces[person][other]);
    }
  CHECK(between_people / people_pairs > 2 * between_expressions / expression_pairs);
}

TEST_CASE("edges are antialiased: a large picture averaged down matches a small one") {
  const FaceIdentity identity{.hair_style = HairStyle::bald};
  const Image small = draw_face(identity, {}, {}, 64), large = draw_face(identity, {}, {}, 512);
  double error = 0;
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) {
      int sum = 0;
      for (int dy = 0; dy < 8; ++dy)
        for (int dx = 0; dx < 8; ++dx) sum += large.at(8 * y + dy, 8 * x + dx);
      error += std::abs(sum / 64.0 - small.at(y, x)) / (64 * 64);
    }
  CHECK(error < 1.5);
}

TEST_CASE("the outline of a head has tones between skin and background") {
  const FaceIdentity identity{.skin = 1, .cheekbones = 0, .hair_style = HairStyle::bald};
  const Image face = draw_face(identity, {}, {.light_x = 0, .light_y = 0, .ambient = 1, .background = 0});
  // Down the middle from the top edge: black, one or two pixels of the outline, then skin.
  int between = 0, y = 0;
  while (face.at(y, 128) < 240 && y < 128) between += face.at(y, 128) > 10, ++y;
  CHECK(face.at(0, 128) == 0);
  CHECK(y < 128);
  CHECK(between >= 1);
  CHECK(between <= 2);
}

TEST_CASE("extreme parameters still draw a picture") {
  const FaceExpression wild{.brow_raise = 9,
                            .brow_slant = -9,
                            .eye_open = -9,
                            .lower_lid = 9,
                            .mouth_curve = 9,
                            .mouth_open = 9,
                            .mouth_stretch = -9,
                            .lip_press = 9,
                            .teeth = 9};
  const FaceView strange{.shift_x = 2, .scale = 5, .roll = 3, .yaw = 1.5f, .pitch = -1.5f, .light_x = 1, .light_y = 1};
  CHECK(draw_face({}, wild, strange, 64).pixels.size() == 64 * 64);
}

TEST_CASE("options and numbers out of range are refused with their names") {
  using Catch::Contains;
  CHECK_THROWS_WITH(synthetic_face({.people = 0}, 0, 0, 0), Contains("people must be 1 to 100000. Got people=0."));
  CHECK_THROWS_WITH(synthetic_face({.per_class_per_person = 0}, 0, 0, 0), Contains("Got per_class_per_person=0."));
  CHECK_THROWS_WITH(synthetic_face({.size = 15}, 0, 0, 0), Contains("size must be 16 to 4096 pixels. Got size=15."));
  CHECK_THROWS_WITH(synthetic_face({.pose = -1}, 0, 0, 0), Contains("pose must be 0 to 3. Got pose=-1."));
  CHECK_THROWS_WITH(synthetic_face({.camera = NAN}, 0, 0, 0), Contains("camera must be 0 to 3."));
  CHECK_THROWS_WITH(synthetic_face({}, 40, 0, 0), Contains("person must be 0 to 39. Got person=40."));
  CHECK_THROWS_WITH(synthetic_face({}, 0, 5, 0), Contains("label must be 0 to 4. Got label=5."));
  CHECK_THROWS_WITH(synthetic_face({}, 0, 0, -1), Contains("take must be 0 to 4. Got take=-1."));
  CHECK_THROWS_AS(draw_face({}, {}, {}, 5000), Error);
  CHECK_THROWS_WITH(draw_face({.head_width = 0}, {}, {}),
                    Contains("head_width must be at least 0.2. Got head_width=0."));
  CHECK_THROWS_WITH(draw_face({}, {.mouth_open = NAN}, {}), Contains("an expression's numbers must be -10 to 10."));
  CHECK_THROWS_WITH(draw_face({}, {}, {.scale = 0}), Contains("scale must be at least 0.05. Got scale=0."));
  CHECK_THROWS_WITH(draw_face({}, {}, {.blur = 1e9f}), Contains("blur must be 0 to 0.1 of the side."));
  CHECK_THROWS_AS(synthetic_faces({.people = -3}), Error);
}

TEST_CASE("the data set in memory holds every picture with its class, person and name") {
  const SyntheticFacesOptions options{.people = 3, .per_class_per_person = 2, .size = 32};
  const Dataset faces = synthetic_faces(options);
  REQUIRE(faces.size() == 30);
  CHECK(synthetic_face_count(options) == 30);
  CHECK(faces.class_counts() == std::vector<int>(5, 6));
  CHECK(faces.class_names() == std::vector<std::string>{"angry", "astonish", "happy", "neutral", "sad"});
  const int index = 2 * 6 + 1 * 2 + 1;  // happy, person 1, take 1
  CHECK(faces.label(index) == happy);
  CHECK(faces.group(index) == "001");
  CHECK(faces.name(index) == "happy/happy_g001_01.png");
  CHECK(faces.images({index}).to_vector<std::uint8_t>() == synthetic_face(options, 1, happy, 1).pixels);
}

TEST_CASE("a written folder holds the same pictures under class, person and take") {
  const Scratch scratch;
  const SyntheticFacesOptions options{.people = 2, .per_class_per_person = 4, .size = 32};
  std::vector<std::int64_t> told;
  write_synthetic_faces(scratch.path / "faces", options, [&](std::int64_t done, std::int64_t all) {
    told.push_back(done);
    CHECK(all == 40);
  });
  CHECK(told == std::vector<std::int64_t>{32, 40});
  const Dataset faces = synthetic_faces(options);
  for (int i = 0; i < faces.size(); ++i) {
    const Image image = read_image(scratch.path / "faces" / faces.name(i));
    REQUIRE(image.pixels == faces.images({i}).to_vector<std::uint8_t>());
  }
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch.path))
    files += entry.is_regular_file();
  CHECK(files == 40);
}

TEST_CASE("a folder that cannot be made is named") {
  const Scratch scratch;
  std::filesystem::path blocked = scratch.path / "file";
  write_png(blocked, Image(16, 16, 1));
  CHECK_THROWS_WITH(write_synthetic_faces(blocked, {.people = 1, .per_class_per_person = 1, .size = 16}),
                    Catch::Contains(blocked.string()));
}
