// weights: the files that Keras publishes: a list of them, a download, a check.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "download.h"
#include "mien/core/nearest_name.h"
#include "mien/core/numbers.h"
#include "mien/io/md5.h"
#include "weights_catalog.h"
#include "weights_check.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string address_of(const PublishedWeights& file, const std::string& from) {
  std::string address = from.empty() ? official_address : from;
  while (!address.empty() && address.back() == '/') address.pop_back();
  return address + "/" + file.path;
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}

int list(const WeightsOptions& options, const OutputOptions& output) {
  Json json = Json::array();
  std::string text = join(padded("name", 28), padded("MB", 8), padded("MD5", 34), "address\n");
  bool any = false;
  for (const PublishedWeights& file : published_weights()) {
    if (!options.name.empty() && file.network != options.name && file.name != options.name) continue;
    any = true;
    const std::string address = address_of(file, options.from);
    json.push_back({{"name", file.name},
                    {"network", file.network},
                    {"top", file.top},
                    {"file", file.file_name()},
                    {"bytes", file.bytes > 0 ? Json(file.bytes) : Json(nullptr)},
                    {"md5", file.md5.empty() ? Json(nullptr) : Json(file.md5)},
                    {"address", address}});
    text +=
        join(padded(file.name, 28), padded(file.bytes > 0 ? fixed(static_cast<double>(file.bytes) / 1e6, 1) : "?", 8),
             padded(file.md5.empty() ? "not published" : file.md5, 34), address, '\n');
  }
  if (!any) published_weights_named(options.name);
  std::cout << (output.json ? json.dump(2) + "\n"
                            : text +
                                  "\nThose called _top have the layers that tell ImageNet's classes apart; transfer "
                                  "takes the others.\nTo get one: expressions weights get resnet50\n");
  return 0;
}

int get(const WeightsOptions& options, const OutputOptions& output) {
  const PublishedWeights& file = published_weights_named(options.name);
  const fs::path target = fs::path(options.weights_dir) / file.file_name();
  const std::string address = address_of(file, options.from);
  const auto fault = [&](const fs::path& path) { return fault_of_weights(file, path); };
  const bool was_there = fs::exists(target);
  if (was_there) {
    const std::string wrong = fault(target);
    check(wrong.empty(), target.string(),
          "a file is there already, and it is not the one that Keras publishes: ", wrong,
          " It was left alone; remove it, or choose another --weights-dir.");
  } else {
    if (!output.quiet) std::cerr << "From " << address << '\n';
    download({.address = address, .target = target, .bytes = file.bytes, .fault = fault}, output.quiet);
  }
  if (output.json)
    std::cout << Json{{"name", file.name},
                      {"file", target.string()},
                      {"bytes", fs::file_size(target)},
                      {"md5", md5_of_file(target)},
                      {"was_there", was_there}}
                     .dump(2)
              << '\n';
  else
    std::cout << target.string() << (was_there ? " was there already" : " is there") << ": " << how_verified(file)
              << '\n';
  return 0;
}

int check_file(const WeightsOptions& options, const OutputOptions& output) {
  const fs::path path = options.name;
  check(fs::is_regular_file(path), path.string(), "there is no such file.");
  const std::string md5 = md5_of_file(path);
  const PublishedWeights* file = published_weights_in(path.filename().string());
  for (const PublishedWeights& other : published_weights())
    if (!other.md5.empty() && other.md5 == md5) file = &other;
  const std::string fault = file == nullptr ? "It has neither the name nor the MD5 of a file that Keras publishes."
                                            : fault_of_weights(*file, path);
  if (output.json)
    std::cout << Json{{"file", path.string()},
                      {"bytes", fs::file_size(path)},
                      {"md5", md5},
                      {"name", file == nullptr ? Json(nullptr) : Json(file->name)},
                      {"right", fault.empty()},
                      {"fault", fault}}
                     .dump(2)
              << '\n';
  else if (fault.empty())
    std::cout << path.string() << " is " << file->name << ": " << how_verified(*file) << '\n';
  if (!fault.empty()) {
    std::cerr << join("[", path.string(), "] ", fault, '\n');
    return 1;
  }
  return 0;
}

}  // namespace

int weights(const WeightsOptions& options, const OutputOptions& output) {
  if (options.action == "list") return list(options, output);
  if (options.action != "get" && options.action != "check")
    throw UsageError(join("[weights] it must be list, get or check. Got \"", options.action, "\"."));
  if (options.name.empty())
    throw UsageError(options.action == "get" ? "[weights] get what? `expressions weights list` names the files."
                                             : "[weights] check which file?");
  return options.action == "get" ? get(options, output) : check_file(options, output);
}

}  // namespace mien::expressions
