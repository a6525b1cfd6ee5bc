#include "mien/io/keras_file.h"

#include "mien/io/file.h"
#include "mien/io/hdf5.h"
#include "mien/io/keras_config.h"
#include "mien/io/keras_weights.h"
#include "mien/io/zip.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

constexpr std::string_view hdf5_mark = "\x89HDF\r\n\x1a\n", zip_mark = "PK\3\4";
constexpr std::size_t max_description = 2 << 20;

struct KerasFile {
  std::string description;  ///< of the network: JSON; empty where the file has none
  Hdf5File weights;
};

const FilePart& entry(const std::map<std::string, FilePart>& entries, const std::string& name,
                      const std::string& where) {
  const auto found = entries.find(name);
  check(found != entries.end(), where, "the archive has no \"", name, "\".");
  return found->second;
}

KerasFile read_keras_file(const std::filesystem::path& path) {
  const InputFile file(path);
  const std::vector<std::string> optimizer{"optimizer", "optimizer_weights"};  // the state of training
  if (file.begins_with(hdf5_mark)) {
    KerasFile result{"", read_hdf5({&file, 0, file.size()}, optimizer)};
    const auto& root = result.weights.groups.at("");
    if (const auto found = root.find("model_config"); found != root.end() && found->second.size() == 1)
      result.description = found->second[0];
    return result;
  }
  check(file.begins_with(zip_mark), file.name(), "the file is none of Keras's: neither HDF5 nor a zip archive.");
  const auto entries = read_zip(file);
  const FilePart& config = entry(entries, "config.json", file.name());
  check(config.size <= max_description, file.name(), "its config.json has ", config.size, " bytes, more than ",
        max_description, ".");
  KerasFile result;
  result.description = file.read(config.offset, config.size);
  result.weights = read_hdf5(entry(entries, "model.weights.h5", file.name()), optimizer);
  return result;
}

void check_ready(const Model& net, const std::filesystem::path& path, const std::string& ending) {
  check(net.is_initialized(), path.string(), "the network has no weights yet: initialize() or load() it first.");
  check(path.filename().string().ends_with(ending), path.string(), "Keras asks that such a file be called …", ending,
        ".");
}

}  // namespace

bool is_keras_file(const std::filesystem::path& path) {
  const InputFile file(path);
  return file.begins_with(hdf5_mark) || file.begins_with(zip_mark);
}

void load_weights(Model& net, const std::filesystem::path& path) {
  check(!net.parameters().empty(), "load_weights", "the network has no layers with weights, or is not built yet.");
  assign_weights(net, read_keras_file(path).weights, path.string());
  net.mark_initialized();
}

Model load_keras_model(const std::filesystem::path& path, const Shape& input) {
  const KerasFile file = read_keras_file(path);
  check(!file.description.empty(), path.string(), "the file holds weights alone: make the network and load_weights().");
  std::int64_t numbers = 0;
  for (const auto& [name, value] : file.weights.datasets) numbers += value.size();
  Model net = network_from_keras_json(file.description, path.string(), numbers, input);
  assign_weights(net, file.weights, path.string());
  net.mark_initialized();
  return net;
}

void save_weights(const Model& net, const std::filesystem::path& path) {
  check_ready(net, path, ".weights.h5");
  write_file_atomically(path, hdf5_bytes(weights_file(net)));
}

void save_keras_model(const Model& net, const std::filesystem::path& path) {
  check_ready(net, path, ".keras");
  const std::string description = keras_json(net), weights = hdf5_bytes(weights_file(net));
  write_zip(path, {{"metadata.json", R"({"keras_version": "3.0.0", "date_saved": "1980-01-01@00:00:00"})"},
                   {"config.json", description},
                   {"model.weights.h5", weights}});
}

}  // namespace mien
