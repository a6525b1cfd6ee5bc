#include "mien/data/split.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "mien/core/random.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

constexpr std::size_t sides = 3;
constexpr std::array<const char*, sides> side_names{"training", "validation", "test"};
using Counts = std::array<int, sides>;

/// Pictures of one class wanted on each side.
Counts wanted_of(const SplitOptions& options, const std::string& name, int pictures) {
  const Counts counts{options.train_count, options.validation_count, options.test_count};
  if (counts != Counts{}) {
    check(counts[0] >= 1 && counts[1] >= 0 && counts[2] >= 0, "split",
          "the counts must be at least 0, and 1 for training. Got ", counts[0], ", ", counts[1], ", ", counts[2], ".");
    const std::int64_t sum = std::int64_t{counts[0]} + counts[1] + counts[2];
    check(sum <= pictures, "split", "class \"", name, "\" has ", pictures, " pictures, the sides ask for ", sum, " (",
          counts[0], " + ", counts[1], " + ", counts[2], ").");
    return counts;
  }
  check(options.train > 0 && options.validation >= 0 && options.train + options.validation <= 1 + 1e-9, "split",
        "the shares must lie in 0 … 1, training's above 0, and add up to at most 1. Got ", options.train, " and ",
        options.validation, ".");
  Counts result;
  result[0] = static_cast<int>(std::lround(options.train * pictures));
  result[1] = std::min(static_cast<int>(std::lround(options.validation * pictures)), pictures - result[0]);
  result[2] = pictures - result[0] - result[1];
  const double rest = 1 - options.train - options.validation;
  const std::array<bool, sides> asked{true, options.validation > 0, rest > 1e-9};
  for (std::size_t side = 0; side < sides; ++side)
    check(!asked[side] || result[side] > 0, "split", "class \"", name, "\" has too few pictures, ", pictures,
          ": none is left for the ", side_names[side], " side.");
  return result;
}

std::array<std::vector<int>, sides> split_pictures(const Dataset& data, const std::vector<Counts>& wanted,
                                                   std::uint64_t seed) {
  std::array<std::vector<int>, sides> chosen;
  std::vector<std::vector<int>> of_class(wanted.size());
  for (int i = 0; i < data.size(); ++i) of_class[static_cast<std::size_t>(data.label(i))].push_back(i);
  for (std::size_t c = 0; c < wanted.size(); ++c) {
    Random(seed, Purpose::split, c).shuffle(of_class[c]);
    auto next = of_class[c].begin();
    for (std::size_t side = 0; side < sides; ++side) {
      chosen[side].insert(chosen[side].end(), next, next + wanted[c][side]);
      next += wanted[c][side];
    }
  }
  return chosen;
}

struct Group {
  std::vector<int> pictures;
  std::vector<int> counts;  // of each class
};

std::array<std::vector<int>, sides> split_groups(const Dataset& data, const std::vector<Counts>& wanted,
                                                 std::uint64_t seed) {
  check(data.has_groups(), "split",
        "a split by group needs groups (a group pattern or a CSV file); the data set has none.");
  std::map<std::string, Group> by_name;
  for (int i = 0; i < data.size(); ++i) {
    Group& group = by_name[data.group(i)];
    group.counts.resize(wanted.size());
    group.pictures.push_back(i);
    ++group.counts[static_cast<std::size_t>(data.label(i))];
  }
  std::vector<Group> groups;
  for (auto& [name, group] : by_name) groups.push_back(std::move(group));
  Random(seed, Purpose::split).shuffle(groups);
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) { return a.pictures.size() > b.pictures.size(); });

  std::array<std::vector<int>, sides> chosen;
  std::array<std::vector<std::int64_t>, sides> missing;  // wanted - there, of each class
  for (std::size_t side = 0; side < sides; ++side)
    for (const Counts& counts : wanted) missing[side].push_back(counts[side]);
  for (const Group& group : groups) {
    std::size_t best = 0;
    std::int64_t best_change = std::numeric_limits<std::int64_t>::max();
    for (std::size_t side = 0; side < sides; ++side) {
      bool asked = false;
      std::int64_t change = 0;  // of the sum of squared differences, if the group goes here
      for (std::size_t c = 0; c < wanted.size(); ++c) {
        const std::int64_t n = group.counts[c];
        change += n * n - 2 * n * missing[side][c];
        asked |= wanted[c][side] > 0;
      }
      if (asked && change < best_change) best = side, best_change = change;
    }
    for (std::size_t c = 0; c < wanted.size(); ++c) missing[best][c] -= group.counts[c];
    chosen[best].insert(chosen[best].end(), group.pictures.begin(), group.pictures.end());
  }
  return chosen;
}

}  // namespace

Split split(const Dataset& data, const SplitOptions& options) {
  check(!data.empty(), "split", "the data set holds no picture.");
  const std::vector<int> counts = data.class_counts();
  std::vector<Counts> wanted;
  for (std::size_t c = 0; c < counts.size(); ++c)
    wanted.push_back(wanted_of(options, data.class_names()[c], counts[c]));
  auto chosen =
      options.by_group ? split_groups(data, wanted, options.seed) : split_pictures(data, wanted, options.seed);
  std::array<Dataset, sides> result;
  for (std::size_t side = 0; side < sides; ++side) {
    std::sort(chosen[side].begin(), chosen[side].end());
    result[side] = data.subset(chosen[side]);
    const std::vector<int> there = result[side].class_counts();
    for (std::size_t c = 0; c < wanted.size(); ++c)
      check(wanted[c][side] == 0 || there[c] > 0, "split", "the ", side_names[side], " side has no picture of class \"",
            data.class_names()[c], "\": its ", counts[c], " pictures are in too few groups.");
  }
  return {result[0], result[1], result[2]};
}

}  // namespace mien
