// prepare: photographs as they come to square pictures, grey or in colour. What cannot be read and what is blurred is
// set aside, with the reason; nothing is deleted.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "classifier.h"
#include "commands.h"
#include "mien/core/numbers.h"
#include "mien/io/csv.h"
#include "mien/io/file.h"
#include "mien/io/image_transform.h"
#include "mien/io/progress.h"
#include "mien/io/sample_grid.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;

enum class Outcome { kept, blurred, unreadable };

struct Photograph {
  std::string class_name;
  fs::path path;
  std::string output;  ///< file name of the picture
  Outcome outcome = Outcome::kept;
  double sharpness = 0;
  std::string reason = {};
};

const char* name(Outcome outcome) {
  return outcome == Outcome::kept ? "kept" : outcome == Outcome::blurred ? "blurred" : "unreadable";
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    if (entry->path().filename().string().front() != '.') found.push_back(entry->path());
  check(!problem, folder.string(), "the folder cannot be read: ", problem.message(), ".");
  std::sort(found.begin(), found.end());
  return found;
}

/// All files of all class folders, each with a name for its picture that no other has.
std::vector<Photograph> find_photographs(const fs::path& folder) {
  check(fs::is_directory(folder), folder.string(), "there is no such folder.");
  std::vector<Photograph> found;
  for (const fs::path& class_folder : entries(folder)) {
    if (!fs::is_directory(class_folder)) continue;
    std::set<std::string> taken;
    for (const fs::path& path : entries(class_folder)) {
      if (!fs::is_regular_file(path)) continue;
      std::string output = path.stem().string() + ".png";
      for (int copy = 2; !taken.insert(output).second; ++copy) output = join(path.stem().string(), '-', copy, ".png");
      found.push_back({class_folder.filename().string(), path, output});
    }
  }
  check(!found.empty(), folder.string(), "there is no photograph: they are expected as CLASS/FILE.");
  return found;
}

/// Reads, judges and writes one photograph.
void prepare_one(Photograph& photograph, const PrepareOptions& options, const fs::path& aside) {
  Image picture;
  try {
    const int channels = options.colour == "rgb" ? 3 : 1;
    picture = framed(read_image(photograph.path, {.channels = channels}), parse_framing(options.framing), options.size);
    photograph.sharpness = laplacian_variance(picture);
    if (photograph.sharpness < options.blur_threshold) {
      photograph.outcome = Outcome::blurred;
      photograph.reason = join("blurred: the variance of its Laplacian is ", fixed(photograph.sharpness, 1), ", under ",
                               shortest(options.blur_threshold));
    }
  } catch (const Error& error) {
    photograph.outcome = Outcome::unreadable;
    photograph.reason = error.what();
  }
  if (photograph.outcome == Outcome::kept) {
    write_png(fs::path(options.out) / photograph.class_name / photograph.output, picture);
    return;
  }
  const fs::path copy = aside / photograph.class_name / photograph.path.filename();
  std::error_code problem;
  fs::copy_file(photograph.path, copy, fs::copy_options::overwrite_existing, problem);
  check(!problem, copy.string(), "the file cannot be copied here: ", problem.message(), ".");
}

void prepare_all(std::vector<Photograph>& photographs, const PrepareOptions& options, const fs::path& aside,
                 bool quiet) {
  ProgressBar bar(static_cast<std::int64_t>(photographs.size()), "preparing", stderr, {.quiet = quiet});
  std::exception_ptr failure;
  std::mutex mutex;
#pragma omp parallel for schedule(dynamic)
  for (std::size_t i = 0; i < photographs.size(); ++i) {
    {
      const std::lock_guard lock(mutex);
      if (failure) continue;
    }
    try {
      prepare_one(photographs[i], options, aside);
      bar.advance();
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
  bar.finish();
}

/// prepare.csv: what became of every file. aside.csv: the same of those set aside.
void write_tables(const std::vector<Photograph>& photographs, const fs::path& out, const fs::path& aside) {
  std::string all = csv_line({"file", "outcome", "sharpness", "picture", "reason"}), set_aside = all;
  for (const Photograph& one : photographs) {
    const bool kept = one.outcome == Outcome::kept;
    const std::string line = csv_line({one.class_name + "/" + one.path.filename().string(), name(one.outcome),
                                       one.outcome == Outcome::unreadable ? "" : fixed(one.sharpness, 1),
                                       kept ? one.class_name + "/" + one.output : "", one.reason});
    all += line;
    if (!kept) set_aside += line;
  }
  write_file_atomically(out / "prepare.csv", all);
  if (fs::exists(aside)) write_file_atomically(aside / "aside.csv", set_aside);
}

/// samples.png: the first pictures of every class, a row a class.
void write_samples(const std::vector<Photograph>& photographs, const fs::path& out) {
  constexpr int columns = 8;
  std::map<std::string, int> shown;
  std::vector<Image> images;
  std::vector<std::string> labels;
  for (const Photograph& one : photographs)
    if (one.outcome == Outcome::kept && shown[one.class_name]++ < columns) {
      images.push_back(read_image(out / one.class_name / one.output));
      labels.push_back(one.class_name);
    }
  if (!images.empty()) write_png(out / "samples.png", sample_grid(images, {.columns = columns, .labels = labels}));
}

void print_counts(const std::vector<Photograph>& photographs, const PrepareOptions& options, const fs::path& aside,
                  bool json) {
  std::map<std::string, std::map<Outcome, int>> counts;
  std::map<Outcome, int> sum;
  for (const Photograph& one : photographs) ++counts[one.class_name][one.outcome], ++sum[one.outcome];
  if (json) {
    nlohmann::ordered_json classes;
    for (auto& [class_name, of] : counts)
      for (Outcome outcome : {Outcome::kept, Outcome::blurred, Outcome::unreadable})
        classes[class_name][name(outcome)] = of[outcome];
    std::cout << nlohmann::ordered_json{{"folder", options.out},
                                        {"aside", aside.string()},
                                        {"blur_threshold", options.blur_threshold},
                                        {"classes", classes}}
                     .dump(2)
              << '\n';
    return;
  }
  std::size_t width = 5;
  for (const auto& [class_name, of] : counts) width = std::max(width, class_name.size());
  const auto row = [&](const std::string& label, std::map<Outcome, int>& of) {
    const auto number = [](int count) { return join(std::string(12 - join(count).size(), ' '), count); };
    std::cout << label << std::string(width - label.size(), ' ') << number(of[Outcome::kept])
              << number(of[Outcome::blurred]) << number(of[Outcome::unreadable]) << '\n';
  };
  std::cout << "class" << std::string(width - 5, ' ') << "        kept     blurred  unreadable\n";
  for (auto& [class_name, of] : counts) row(class_name, of);
  row("all", sum);
  std::cout << "\nBlurred: variance of the Laplacian under " << shortest(options.blur_threshold)
            << "; the score of every picture is in " << (fs::path(options.out) / "prepare.csv").string() << '\n';
  if (sum[Outcome::kept] != static_cast<int>(photographs.size()))
    std::cout << "Set aside, with the reasons: " << (aside / "aside.csv").string() << '\n';
  for (auto& [class_name, of] : counts)
    if (of[Outcome::kept] == 0) std::cerr << "No picture of class \"" << class_name << "\" is left.\n";
}

}  // namespace

int prepare(const PrepareOptions& options, const OutputOptions& output) {
  if (options.size < 16 || options.size > 4096)
    throw UsageError(join("[size] must lie in 16 ... 4096. Got ", options.size, "."));
  if (options.framing != "centre" && options.framing != "whole")
    throw UsageError(join("[framing] must be centre or whole. Got \"", options.framing, "\"."));
  if (options.colour != "grey" && options.colour != "rgb")
    throw UsageError(join("[colour] must be grey or rgb. Got \"", options.colour, "\"."));
  const fs::path out = fs::path(options.out).lexically_normal();
  check(!fs::exists(out) || fs::is_empty(out), options.out, "the folder is there already and holds something.");
  const fs::path aside = (out.has_filename() ? out : out.parent_path()).string() + "-aside";
  std::vector<Photograph> photographs = find_photographs(options.in);
  for (const Photograph& one : photographs) {
    make_folder(out / one.class_name);
    make_folder(aside / one.class_name);
  }
  prepare_all(photographs, options, aside, output.quiet);
  for (const Photograph& one : photographs) {  // folders in which nothing has come to lie
    std::error_code not_empty;
    fs::remove(aside / one.class_name, not_empty);
    fs::remove(out / one.class_name, not_empty);
  }
  std::error_code not_empty;
  fs::remove(aside, not_empty);
  write_tables(photographs, out, aside);
  write_samples(photographs, out);
  print_counts(photographs, options, aside, output.json);
  return 0;
}

}  // namespace mien::expressions
