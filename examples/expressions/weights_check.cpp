#include "weights_check.h"

#include "mien/io/keras_file.h"
#include "mien/io/md5.h"
#include "mien/kernels/error.h"
#include "mien/models/imagenet.h"

namespace mien::expressions {

std::string fault_of_weights(const PublishedWeights& file, const std::filesystem::path& path) {
  if (!file.md5.empty()) {
    const std::string md5 = md5_of_file(path);
    return md5 == file.md5 ? "" : join("its MD5 is ", md5, ", that of Keras's ", file.file_name(), " ", file.md5, ".");
  }
  try {
    Model net = models::imagenet_network(file.network, {.include_top = file.top, .alpha = file.alpha});
    load_weights(net, path);
  } catch (const Error& error) {
    return join("it cannot be loaded into the network: ", error.what());
  }
  return "";
}

std::string how_verified(const PublishedWeights& file) {
  return file.md5.empty() ? "Keras gives no MD5 for it; every name and shape is that of the network"
                          : "its MD5 is the one that Keras gives";
}

}  // namespace mien::expressions
