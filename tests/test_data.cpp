// Data sets, splits, the loader, folders of photographs.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include "mien/core/random.h"
#include "mien/data/image_folder.h"
#include "mien/data/loader.h"
#include "mien/data/split.h"
#include "mien/io/file.h"
#include "mien/io/image.h"
#include "mien/kernels/error.h"

using namespace mien;

namespace {

/// Pictures of one pixel whose value is their number; `people` groups of uneven sizes over all classes.
Dataset numbered(int count, int classes, int people = 0) {
  LabelledImages all;
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < count; ++i) {
    pixels.push_back(static_cast<std::uint8_t>(i));
    all.labels.push_back(i % classes);
    all.names.push_back("picture" + std::to_string(i));
    if (people) all.groups.push_back("person" + std::to_string(i * i / 7 % people));
  }
  for (int c = 0; c < classes; ++c) all.class_names.push_back("class" + std::to_string(c));
  all.images = Tensor::from(pixels, {count, 1, 1, 1});
  return Dataset(std::move(all));
}

std::set<std::string> names_of(const Dataset& data) {
  std::set<std::string> names;
  for (int i = 0; i < data.size(); ++i) names.insert(data.name(i));
  return names;
}

std::set<std::string> groups_of(const Dataset& data) {
  std::set<std::string> groups;
  for (int i = 0; i < data.size(); ++i) groups.insert(data.group(i));
  return groups;
}

template <class T>
bool disjoint(const std::set<T>& a, const std::set<T>& b) {
  for (const T& value : a)
    if (b.count(value)) return false;
  return true;
}

/// A folder of its own for one test, gone afterwards.
struct Scratch {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("mien_data_" + std::to_string(::getpid()));
  Scratch() { std::filesystem::remove_all(path); }
  ~Scratch() { std::filesystem::remove_all(path); }
  void picture(const std::string& name, std::uint8_t grey, int height = 8, int width = 8) const {
    Image image(height, width, 1);
    std::fill(image.pixels.begin(), image.pixels.end(), grey);
    std::filesystem::create_directories((path / name).parent_path());
    write_png(path / name, image);
  }
};

}  // namespace

TEST_CASE("a split by picture shares each class out exactly and uses no picture twice", "[data]") {
  const Dataset data = numbered(100, 5);
  const Split sides = split(data, {.train = 0.6, .validation = 0.2, .seed = 3});
  CHECK(sides.train.class_counts() == std::vector<int>(5, 12));
  CHECK(sides.validation.class_counts() == std::vector<int>(5, 4));
  CHECK(sides.test.class_counts() == std::vector<int>(5, 4));
  CHECK(disjoint(names_of(sides.train), names_of(sides.validation)));
  CHECK(disjoint(names_of(sides.train), names_of(sides.test)));
  CHECK(disjoint(names_of(sides.validation), names_of(sides.test)));
  CHECK(names_of(split(data, {.seed = 3}).test) == names_of(sides.test));
  CHECK(names_of(split(data, {.seed = 4}).test) != names_of(sides.test));
  const Split counted = split(data, {.train_count = 10, .validation_count = 3, .test_count = 2});
  CHECK(counted.train.size() + counted.validation.size() + counted.test.size() == 75);
}

TEST_CASE("a split by group puts no person on two sides, loses no picture and comes close to the counts", "[data]") {
  const Dataset data = numbered(200, 5, 37);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Split sides = split(data, {.by_group = true, .seed = seed});
    CHECK(disjoint(groups_of(sides.train), groups_of(sides.validation)));
    CHECK(disjoint(groups_of(sides.train), groups_of(sides.test)));
    CHECK(disjoint(groups_of(sides.validation), groups_of(sides.test)));
    CHECK(sides.train.size() + sides.validation.size() + sides.test.size() == 200);
    CHECK(std::abs(sides.train.size() - 120) <= 10);
    CHECK(std::abs(sides.validation.size() - 40) <= 10);
  }
}

TEST_CASE("whatever the sizes of the groups, no person stands on two sides and no picture is lost or used twice",
          "[data]") {
  Random random(11, Purpose::test);
  int done = 0, refused = 0;
  for (int trial = 0; trial < 300; ++trial) {
    // Many small groups and a few large ones; a person keeps to one class, to two, or to none.
    LabelledImages all;
    const std::uint32_t classes = 1 + random.below(4), people = 3 + random.below(40);
    for (std::uint32_t c = 0; c < classes; ++c) all.class_names.push_back("class" + std::to_string(c));
    for (std::uint32_t person = 0; person < people; ++person) {
      const std::uint32_t pictures = 1 + random.below(1 + random.below(trial % 3 == 0 ? 60 : 12));
      const std::uint32_t own = random.below(classes), spread = 1 + random.below(classes);
      for (std::uint32_t i = 0; i < pictures; ++i) {
        all.labels.push_back(static_cast<std::int32_t>((own + random.below(spread)) % classes));
        all.groups.push_back("person" + std::to_string(person));
      }
    }
    // In no order, so that a person's pictures lie apart.
    random.shuffle(all.groups);
    for (std::size_t i = 0; i < all.labels.size(); ++i) all.names.push_back(std::to_string(i));
    const auto count = static_cast<std::int64_t>(all.labels.size());
    all.images = Tensor::from(std::vector<std::uint8_t>(all.labels.size()), {count, 1, 1, 1});
    const Dataset data(std::move(all));
    SplitOptions options{.train = 0.5 + 0.1 * random.below(4), .validation = 0.1 * random.below(3), .by_group = true};
    options.seed = random.bits();
    INFO("trial " << trial << ": " << people << " people, " << count << " pictures, " << options.train << " and "
                  << options.validation << ", seed " << options.seed);
    try {
      const Split sides = split(data, options);
      const auto groups = {groups_of(sides.train), groups_of(sides.validation), groups_of(sides.test)};
      const auto names = {names_of(sides.train), names_of(sides.validation), names_of(sides.test)};
      std::set<std::string> every_group, every_name;
      std::size_t group_count = 0, name_count = 0;
      for (const auto& side : groups) every_group.insert(side.begin(), side.end()), group_count += side.size();
      for (const auto& side : names) every_name.insert(side.begin(), side.end()), name_count += side.size();
      REQUIRE(group_count == every_group.size());
      REQUIRE(every_group == groups_of(data));
      REQUIRE(name_count == every_name.size());
      REQUIRE(every_name == names_of(data));
      const Split again = split(data, options);
      REQUIRE(names_of(again.train) == names_of(sides.train));
      REQUIRE(names_of(again.test) == names_of(sides.test));
      ++done;
    } catch (const Error& error) {
      REQUIRE_THAT(error.what(), Catch::StartsWith("[split] "));
      ++refused;
    }
  }
  INFO(refused << " of 300 refused");
  CHECK(done >= 200);
}

TEST_CASE("groups go largest first to the side whose counts they bring closest to what is wanted", "[data]") {
  // One class, shares 1/2, 1/4, 1/4 of 8. Worked by hand: a (4) fits training best (16 - 2*4*4 = -16), then b (2) goes
  // to validation (4 - 2*2*2 = -4; training is full: 4), c (1) and d (1) to test.
  LabelledImages all;
  all.class_names = {"only"};
  all.groups = {"c", "a", "a", "b", "a", "b", "a", "d"};
  all.labels.assign(8, 0);
  all.images = Tensor::from(std::vector<std::uint8_t>(8), {8, 1, 1, 1});
  const Split sides = split(Dataset(all), {.train = 0.5, .validation = 0.25, .by_group = true});
  CHECK(groups_of(sides.train) == std::set<std::string>{"a"});
  CHECK(groups_of(sides.validation) == std::set<std::string>{"b"});
  CHECK(groups_of(sides.test) == std::set<std::string>{"c", "d"});
}

TEST_CASE("a split that cannot be is refused with class and counts", "[data]") {
  const Dataset data = numbered(20, 5);
  CHECK_THROWS_WITH(split(data, {.train_count = 3, .validation_count = 1, .test_count = 1}),
                    Catch::Contains("class \"class0\" has 4 pictures, the sides ask for 5 (3 + 1 + 1)"));
  CHECK_THROWS_WITH(split(data, {.train = 0.9, .validation = 0.05}),
                    Catch::Contains("none is left for the validation side"));
  CHECK_THROWS_WITH(split(data, {.train = 0.9, .validation = 0.5}), Catch::Contains("add up to at most 1"));
  CHECK_THROWS_WITH(split(data, {.by_group = true}), Catch::Contains("needs groups"));
  CHECK_THROWS_WITH(split(numbered(20, 2, 1), {.by_group = true}), Catch::Contains("too few groups"));
}

TEST_CASE("a data set refuses labels that name no class, and counts that differ", "[data]") {
  LabelledImages all;
  all.class_names = {"a", "b"};
  all.images = Tensor::from(std::vector<std::uint8_t>(2), {2, 1, 1, 1});
  all.labels = {0, 2};
  CHECK_THROWS_WITH(Dataset(all), Catch::Contains("Got 2 at picture 1"));
  all.labels = {0};
  CHECK_THROWS_WITH(Dataset(all), Catch::Contains("one label for each picture"));
}

TEST_CASE("the loader's order depends on seed and epoch alone, and the short last batch is kept", "[data]") {
  const Dataset data = numbered(10, 2);
  std::vector<std::vector<int>> seen[2];
  for (const int prefetch : {0, 3}) {
    const Loader loader(data, {.batch = 4, .seed = 5, .prefetch = prefetch});
    CHECK(loader.batch_count() == 3);
    loader.run(2, [&](const Batch& batch) {
      seen[prefetch > 0].push_back(batch.indices);
      for (std::size_t i = 0; i < batch.indices.size(); ++i) {
        CHECK(batch.images.view<std::uint8_t>()[static_cast<std::int64_t>(i)] == batch.indices[i]);
        CHECK(batch.labels.view<std::int32_t>()[static_cast<std::int64_t>(i)] == batch.indices[i] % 2);
      }
      return true;
    });
  }
  CHECK(seen[0] == seen[1]);
  CHECK(seen[0].back().size() == 2);
  const Loader loader(data, {.batch = 4, .seed = 5});
  CHECK(loader.order(0) != loader.order(1));
  std::vector<int> sorted = loader.order(1);
  std::sort(sorted.begin(), sorted.end());
  std::vector<int> all(10);
  std::iota(all.begin(), all.end(), 0);
  CHECK(sorted == all);
  std::vector<int> numbers;
  loader.run(
      2, [&](const Batch& batch) { return numbers.push_back(batch.number), true; }, 1);
  CHECK(numbers == std::vector<int>{1, 2});
  int taken = 0;
  loader.run(2, [&](const Batch&) { return ++taken < 2; });
  CHECK(taken == 2);
}

TEST_CASE("a folder of photographs gives sorted classes, grey squares, groups from a pattern or a CSV", "[data]") {
  const Scratch scratch;
  scratch.picture("sad/sad_g02_1.png", 50, 12, 20);
  scratch.picture("happy/happy_g01_1.png", 200);
  scratch.picture("happy/happy_g02_2.PNG", 100);
  write_file_atomically(scratch.path / "happy" / "notes.txt", "not a picture");
  int last = 0;
  const ImageFolder photos(scratch.path,
                           {.size = 6, .group_pattern = "_g([^_.]+)", .progress = [&](int done, int total) {
                              last = done;
                              CHECK(total == 3);
                            }});
  CHECK(last == 3);
  CHECK(photos.class_names() == std::vector<std::string>{"happy", "sad"});
  CHECK(photos.image_shape() == Shape{6, 6, 1});
  CHECK(photos.name(1) == "happy/happy_g02_2.PNG");
  CHECK(photos.group(1) == "02");
  CHECK(photos.label(2) == 1);
  CHECK(photos.images({2, 0}).to_vector<std::uint8_t>()[35] == 50);
  CHECK(photos.images({2, 0}).to_vector<std::uint8_t>()[36] == 200);

  write_file_atomically(scratch.path / "groups.csv",
                        "file,group\nhappy/happy_g01_1.png,x\nhappy/happy_g02_2.PNG,y\nsad/sad_g02_1.png,x\n");
  CHECK(ImageFolder(scratch.path, {.size = 6, .groups_csv = scratch.path / "groups.csv"}).group(2) == "x");
}

TEST_CASE("the first grey picture of a folder is found by its pixels, in the pictures' order", "[data]") {
  const Scratch scratch;
  const auto colour = [&](const char* name, int blue) {
    Image image(8, 8, 3);
    std::fill(image.pixels.begin(), image.pixels.end(), std::uint8_t{100});
    for (std::size_t i = 2; i < image.pixels.size(); i += 3) image.pixels[i] = static_cast<std::uint8_t>(blue);
    std::filesystem::create_directories((scratch.path / name).parent_path());
    write_png(scratch.path / name, image);
  };
  for (const char* name : {"happy/a.png", "happy/b.png", "sad/a.png", "sad/b.png", "sad/c.png"}) colour(name, 180);
  CHECK(first_grey_picture(scratch.path).empty());
  write_file_atomically(scratch.path / "happy" / "broken.png", "no picture");
  CHECK(first_grey_picture(scratch.path).empty());
  scratch.picture("sad/c.png", 50);
  CHECK(first_grey_picture(scratch.path) == "sad/c.png");
  colour("sad/a.png", 101);  // three channels, and no colour to speak of
  CHECK(first_grey_picture(scratch.path) == "sad/a.png");
  CHECK_THROWS_WITH(first_grey_picture(scratch.path / "happy"), Catch::Contains("there is no class"));
}

TEST_CASE("a folder that cannot be used says which file or class, and why", "[data]") {
  const Scratch scratch;
  CHECK_THROWS_WITH(ImageFolder(scratch.path), Catch::Contains("no such folder"));
  std::filesystem::create_directories(scratch.path);
  CHECK_THROWS_WITH(ImageFolder(scratch.path), Catch::Contains("there is no class"));
  scratch.picture("happy/a.png", 1);
  std::filesystem::create_directories(scratch.path / "sad");
  CHECK_THROWS_WITH(ImageFolder(scratch.path), Catch::Contains("sad") && Catch::Contains("no picture"));
  write_file_atomically(scratch.path / "sad" / "b.jpg", "");
  CHECK_THROWS_WITH(ImageFolder(scratch.path), Catch::Contains("b.jpg") && Catch::Contains("empty"));
  std::filesystem::remove(scratch.path / "sad" / "b.jpg");
  scratch.picture("sad/b.png", 1);
  CHECK_THROWS_WITH(ImageFolder(scratch.path, {.group_pattern = "_g(x)"}), Catch::Contains("a.png"));
  CHECK_THROWS_WITH(ImageFolder(scratch.path, {.group_pattern = "("}), Catch::Contains("no regular expression"));
}
