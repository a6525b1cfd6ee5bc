#include "weights_catalog.h"

#include <algorithm>

#include "mien/core/nearest_name.h"
#include "mien/core/numbers.h"
#include "options.h"

namespace mien::expressions {
namespace {

struct Entry {
  const char *network, *folder;
  const char *md5, *top_md5;
  std::int64_t bytes, top_bytes;
};

constexpr Entry entries[] = {
    {"inception_v3", "inception_v3", "bcbd6486424b2319ff4ef7d526e38f63", "9a0d58056eeedaa3f26cb7ebd46da564", 87910968,
     96112376},
    {"densenet121", "densenet", "30ee3e1110167f948a6b9946edeeb738", "9d60b8095a5708f2dcce2bca79d332c7", 29084464, 0},
    {"vgg16", "vgg16", "6d6bbae143d832006294945121d1f1fc", "64373286793e3c8b2b4e3219cbf3544b", 58889256, 553467096},
    {"xception", "xception", "b0042744bf5b25fce3cb969f33bebb97", "0a58e3b7378bc2990ea3b43d5981f1f6", 83683744,
     91884032},
    {"resnet50", "resnet", "4d473c1dd8becc155b73f8504c6f6626", "2cb95161c43110f7111970584f804107", 94765736, 102967424},
};

constexpr double alphas[] = {0.35, 0.5, 0.75, 1.0, 1.3, 1.4};
constexpr int sizes[] = {96, 128, 160, 192, 224};
constexpr int largest_size = 224;

/// "1.0", "0.35": as Python prints a float.
std::string python_number(double value) {
  const std::string text = shortest(value);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

PublishedWeights mobilenet(double alpha, int size, bool top) {
  const std::string which = join(python_number(alpha), "_", size);
  PublishedWeights file{
      .name = "mobilenet_v2",
      .network = "mobilenet_v2",
      .alpha = alpha,
      .size = size,
      .top = top,
      .path = join("mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_", which, top ? "" : "_no_top", ".h5"),
      .md5 = ""};
  if (alpha != 1 || size != largest_size) file.name += "_" + which;
  if (top) file.name += "_top";
  if (alpha == 1 && !top) file.bytes = 9406464;
  if (alpha == 1 && top && size == largest_size) file.bytes = 14536120;
  return file;
}

std::vector<PublishedWeights> all_files() {
  std::vector<PublishedWeights> files;
  for (const bool top : {false, true}) {
    for (const Entry& entry : entries)
      files.push_back({.name = join(entry.network, top ? "_top" : ""),
                       .network = entry.network,
                       .top = top,
                       .path = join(entry.folder, "/", entry.network, "_weights_tf_dim_ordering_tf_kernels",
                                    top ? "" : "_notop", ".h5"),
                       .md5 = top ? entry.top_md5 : entry.md5,
                       .bytes = top ? entry.top_bytes : entry.bytes});
    files.push_back(mobilenet(1, largest_size, top));
    for (const double alpha : alphas)
      for (const int size : sizes)
        if ((alpha <= 1 || size == largest_size) && (alpha != 1 || size != largest_size))
          files.push_back(mobilenet(alpha, size, top));
  }
  return files;
}

}  // namespace

std::string PublishedWeights::file_name() const { return path.substr(path.rfind('/') + 1); }

const std::vector<PublishedWeights>& published_weights() {
  static const std::vector<PublishedWeights> files = all_files();
  return files;
}

const PublishedWeights& published_weights_named(const std::string& name) {
  std::vector<std::string> names;
  for (const PublishedWeights& file : published_weights()) {
    if (file.name == name) return file;
    names.push_back(file.name);
  }
  throw UsageError(join("[weights] Keras publishes nothing that we call \"", name, "\". The nearest is ",
                        nearest_name(name, names), "; `expressions weights list` names all."));
}

const PublishedWeights* published_weights_in(const std::string& file_name) {
  for (const PublishedWeights& file : published_weights())
    if (file.file_name() == file_name) return &file;
  return nullptr;
}

const PublishedWeights& published_base(const std::string& network, double alpha, int size) {
  const bool is_known_size = std::find(std::begin(sizes), std::end(sizes), size) != std::end(sizes);
  const int trained_size = is_known_size && alpha <= 1 ? size : largest_size;
  for (const PublishedWeights& file : published_weights())
    if (!file.top && file.network == network && file.alpha == alpha && (file.size == 0 || file.size == trained_size))
      return file;
  fail("weights", "Keras publishes no weights of ", network, " with alpha ", shortest(alpha), ".");
}

}  // namespace mien::expressions
