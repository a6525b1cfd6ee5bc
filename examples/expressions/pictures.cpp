#include "pictures.h"

#include <array>
#include <iostream>
#include <optional>
#include <regex>
#include <set>

#include "mien/core/numbers.h"
#include "mien/io/event_log.h"
#include "mien/io/progress.h"
#include "run_config.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;

/// CLASS_gPERSON_N.EXTENSION
constexpr const char* known_pattern = "_g([^_.]+)_[^_]*$";

/// Whether there are pictures and all are named so.
bool names_tell_groups(const fs::path& folder) {
  const std::regex pattern(known_pattern);
  std::error_code problem;
  int matching = 0;
  for (fs::recursive_directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    if (entry->is_regular_file() && entry.depth() == 1) {
      if (!std::regex_search(entry->path().filename().string(), pattern)) return false;
      ++matching;
    }
  return matching > 0;
}

std::uint32_t pixels_checksum(const Dataset& data, int index) {
  const std::vector<std::uint8_t> pixels = data.images({index}).to_vector<std::uint8_t>();
  return crc32c({reinterpret_cast<const char*>(pixels.data()), pixels.size()});
}

std::string eight_digits(std::uint32_t number) {
  std::string digits;
  for (int i = 0; i < 8; ++i, number <<= 4) digits += "0123456789abcdef"[number >> 28];
  return digits;
}

const std::array<const char*, 3> side_names{"training", "validation", "test"};

}  // namespace

Dataset read_pictures(const std::string& folder, const Input& input, const std::string& group_pattern,
                      const std::string& groups_csv, bool quiet) {
  std::optional<ProgressBar> bar;
  int shown = 0;
  ImageFolderOptions options{.size = input.size,
                             .channels = input.channels,
                             .framing = input.framing,
                             .group_pattern = group_pattern,
                             .groups_csv = groups_csv};
  if (group_pattern.empty() && groups_csv.empty() && names_tell_groups(folder)) options.group_pattern = known_pattern;
  if (!quiet)
    options.progress = [&](int done, int total) {
      if (!bar) bar.emplace(total, "reading");
      bar->advance(done - shown);
      shown = done;
    };
  Dataset data = ImageFolder(folder, options);
  if (bar) bar->finish();
  return data;
}

void settle_colour(TrainOptions& options, bool quiet) {
  if (options.colour != "auto") return;
  options.colour = "grey";
  if (options.base.empty()) return;
  const std::string grey = first_grey_picture(options.data);
  if (grey.empty())
    options.colour = "rgb";
  else if (!quiet)
    std::cerr << "Photographs are read grey, for " << grey
              << " has no colour: where only some have it, it tells where they come from. --colour rgb reads it.\n";
}

Split sides_of(const Dataset& data, const TrainOptions& options) {
  SplitOptions wanted{.by_group = options.split == "group", .seed = options.seed};
  const std::vector<double> shares = three_numbers(options.shares, "shares");
  const double sum = shares[0] + shares[1] + shares[2];
  check(shares[0] > 0 && shares[1] > 0 && shares[2] > 0, "shares", "all three must be above 0. Got ", options.shares,
        ".");
  wanted.train = shares[0] / sum;
  wanted.validation = shares[1] / sum;
  if (!options.counts.empty()) {
    const std::vector<double> counts = three_numbers(options.counts, "counts");
    check(counts[0] > 0 && counts[1] > 0 && counts[2] > 0, "counts", "all three must be above 0. Got ", options.counts,
          ".");
    wanted.train_count = static_cast<int>(counts[0]);
    wanted.validation_count = static_cast<int>(counts[1]);
    wanted.test_count = static_cast<int>(counts[2]);
  }
  check(data.class_count() >= 2, "split", "at least two classes are needed to learn to tell them apart. Got ",
        data.class_count(), ": \"", data.class_names()[0], "\".");
  check(!wanted.by_group || data.has_groups(), "split",
        "a split by group needs to know who is on which picture: names like happy_g007_02.png, --group-pattern or "
        "--groups-csv.");
  return split(data, wanted);
}

std::string fingerprint_of(const Split& sides) {
  std::string text;
  for (const Dataset* side : {&sides.train, &sides.validation, &sides.test}) {
    text += "side\n";
    for (int i = 0; i < side->size(); ++i)
      text += join(side->name(i), ' ', side->label(i), ' ', pixels_checksum(*side, i), '\n');
  }
  return eight_digits(crc32c(text));
}

std::string fingerprint_of(const Dataset& data) {
  std::string text;
  for (const std::string& name : data.class_names()) text += name + '\n';
  for (int i = 0; i < data.size(); ++i)
    text += join(data.name(i), ' ', data.group(i), ' ', data.label(i), ' ', pixels_checksum(data, i), '\n');
  return eight_digits(crc32c(text));
}

int group_count(const Dataset& side) {
  std::set<std::string> groups;
  for (int i = 0; side.has_groups() && i < side.size(); ++i) groups.insert(side.group(i));
  return static_cast<int>(groups.size());
}

std::string sides_table(const Split& sides) {
  const auto cell = [](const std::string& text) {
    return text.size() < 12 ? std::string(12 - text.size(), ' ') + text : " " + text;
  };
  std::string text = "            ";
  for (const std::string& name : sides.train.class_names()) text += cell(name);
  text += cell("all");
  if (sides.train.has_groups()) text += cell("people");
  text += '\n';
  const std::array<const Dataset*, 3> all{&sides.train, &sides.validation, &sides.test};
  for (std::size_t i = 0; i < all.size(); ++i) {
    text += std::string(side_names[i]) + std::string(12 - std::string_view(side_names[i]).size(), ' ');
    for (int count : all[i]->class_counts()) text += cell(grouped(count));
    text += cell(grouped(all[i]->size()));
    if (sides.train.has_groups()) text += cell(grouped(group_count(*all[i])));
    text += '\n';
  }
  return text;
}

}  // namespace mien::expressions
