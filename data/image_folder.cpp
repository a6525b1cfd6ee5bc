#include "mien/data/image_folder.h"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstring>
#include <map>
#include <mutex>
#include <regex>
#include <set>

#include "mien/io/csv.h"
#include "mien/io/image.h"
#include "mien/io/image_transform.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

namespace fs = std::filesystem;

/// Under it, a picture counts as grey: what a JPEG's rounding leaves of equal channels is under 1.
constexpr double least_colourfulness = 4;

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::set<std::string>{".jpg", ".jpeg", ".png", ".bmp", ".gif"}.count(extension) > 0;
}

std::vector<fs::path> sorted_entries(const fs::path& folder, bool folders) {
  std::vector<fs::path> found;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    const bool hidden = entry->path().filename().string().front() == '.';
    if (!hidden && entry->is_directory() == folders && (folders || is_picture(entry->path())))
      found.push_back(entry->path());
  }
  check(!problem, folder.string(), "the folder cannot be read: ", problem.message(), ".");
  std::sort(found.begin(), found.end());
  return found;
}

/// Groups of the pictures, by pattern or CSV; none where neither is asked for.
std::vector<std::string> find_groups(const fs::path& folder, const std::vector<std::string>& names,
                                     const ImageFolderOptions& options) {
  std::vector<std::string> groups;
  if (!options.groups_csv.empty()) {
    check(options.group_pattern.empty(), "ImageFolder",
          "groups come from a pattern or from a CSV file, not from both.");
    const CsvTable table = read_csv(options.groups_csv);
    std::map<std::string, std::string> group_of;
    const std::size_t file = table.column("file"), group = table.column("group");
    for (std::size_t i = 0; i < table.rows(); ++i) group_of[table.row(i)[file]] = table.row(i)[group];
    for (const std::string& name : names) {
      const auto found = group_of.find(name);
      check(found != group_of.end(), options.groups_csv.string(), "there is no row for ", name, ".");
      groups.push_back(found->second);
    }
  } else if (!options.group_pattern.empty()) {
    std::regex pattern;
    try {
      pattern = std::regex(options.group_pattern);
    } catch (const std::regex_error& error) {
      fail("ImageFolder", "the group pattern \"", options.group_pattern, "\" is no regular expression: ", error.what(),
           ".");
    }
    check(pattern.mark_count() >= 1, "ImageFolder", "the group pattern \"", options.group_pattern,
          "\" has no group in parentheses.");
    for (const std::string& name : names) {
      std::smatch match;
      const std::string file = fs::path(name).filename().string();
      check(std::regex_search(file, match, pattern), (folder / name).string(), "the group pattern \"",
            options.group_pattern, "\" does not match the file's name.");
      groups.push_back(match[1]);
    }
  }
  return groups;
}

void check_memory(std::int64_t bytes, std::size_t count) {
  const auto memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  check(bytes <= memory / 2, "ImageFolder", count, " pictures of this size take ", bytes >> 20,
        " MB, more than half of this machine's ", memory >> 20, " MB. A smaller size, or fewer pictures, will do.");
}

/// Names, labels and classes of a folder's pictures, not yet read.
LabelledImages listed(const fs::path& folder) {
  check(fs::is_directory(folder), folder.string(), "there is no such folder.");
  LabelledImages all;
  for (const fs::path& class_folder : sorted_entries(folder, true)) {
    const std::vector<fs::path> pictures = sorted_entries(class_folder, false);
    check(!pictures.empty(), class_folder.string(), "the class has no picture (.jpg, .jpeg, .png, .bmp or .gif).");
    for (const fs::path& picture : pictures) {
      all.names.push_back((class_folder.filename() / picture.filename()).string());
      all.labels.push_back(static_cast<std::int32_t>(all.class_names.size()));
    }
    all.class_names.push_back(class_folder.filename().string());
  }
  check(!all.class_names.empty(), folder.string(), "there is no class: pictures are expected as CLASS/FILE.");
  return all;
}

LabelledImages load(const fs::path& folder, const ImageFolderOptions& options) {
  check(options.size >= 1 && options.size <= 16384, "ImageFolder", "the size must lie in 1 … 16384 pixels. Got ",
        options.size, ".");
  check(options.channels == 1 || options.channels == 3, "ImageFolder", "pictures have 1 or 3 channels. Got ",
        options.channels, ".");
  LabelledImages all = listed(folder);
  const std::vector<std::string>& names = all.names;
  all.groups = find_groups(folder, names, options);

  const std::int64_t bytes = std::int64_t{options.size} * options.size * options.channels;
  check_memory(bytes * static_cast<std::int64_t>(names.size()), names.size());
  all.images = Tensor::empty({static_cast<std::int64_t>(names.size()), options.size, options.size, options.channels},
                             Device::cpu, DType::uint8);
  std::uint8_t* const pixels = all.images.view<std::uint8_t>().data;
  std::vector<std::string> problems(names.size());
  std::mutex progress_mutex;
  int done = 0;
#pragma omp parallel for schedule(dynamic)
  for (std::size_t i = 0; i < names.size(); ++i) {
    try {
      const Image image =
          framed(read_image(folder / names[i], {.channels = options.channels}), options.framing, options.size);
      std::memcpy(pixels + static_cast<std::size_t>(bytes) * i, image.pixels.data(), image.pixels.size());
    } catch (const std::exception& error) {
      problems[i] = error.what();
    }
    const std::lock_guard lock(progress_mutex);
    ++done;
    if (options.progress) options.progress(done, static_cast<int>(names.size()));
  }
  const auto bad = std::count_if(problems.begin(), problems.end(), [](const std::string& p) { return !p.empty(); });
  for (const std::string& problem : problems)
    if (!problem.empty()) throw Error(bad == 1 ? problem : join(problem, " (", bad - 1, " more files cannot be read)"));
  return all;
}

}  // namespace

Image framed(const Image& photograph, Framing framing, int size) {
  return framing == Framing::centre ? resize(centre_square(photograph), size, size) : resize(photograph, size, size);
}

std::string first_grey_picture(const fs::path& folder) {
  const std::vector<std::string> names = listed(folder).names;
  std::atomic<std::size_t> first = names.size();
#pragma omp parallel for schedule(dynamic)
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > first) continue;
    try {
      if (colourfulness(read_image(folder / names[i])) >= least_colourfulness) continue;
    } catch (const Error&) {
      continue;
    }
    std::size_t before = first;
    while (i < before && !first.compare_exchange_weak(before, i)) {
    }
  }
  return first < names.size() ? names[first] : "";
}

ImageFolder::ImageFolder(const fs::path& folder, const ImageFolderOptions& options) : Dataset(load(folder, options)) {}

}  // namespace mien
