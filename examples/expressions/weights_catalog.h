// The weights that Keras publishes for the six networks: where each file is, and what it must be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mien::expressions {

/// Where all of them are.
inline constexpr const char* official_address = "https://storage.googleapis.com/tensorflow/keras-applications";

/// One published file, trained on ImageNet.
struct PublishedWeights {
  std::string name;        ///< ours, to ask for it: "resnet50", "resnet50_top", "mobilenet_v2_0.35_96"
  std::string network;     ///< "resnet50"
  double alpha = 1;        ///< of MobileNetV2
  int size = 0;            ///< of MobileNetV2: the side of the pictures that it was trained on
  bool top = false;        ///< with the layers that tell ImageNet's 1000 classes apart
  std::string path;        ///< behind the address
  std::string md5;         ///< as Keras's sources give it; "" where they give none
  std::int64_t bytes = 0;  ///< 0 where we could not find it out

  std::string file_name() const;
};

/// All of them, those without top first. Source: keras/src/applications of Keras 3; sizes as downloads reported them.
const std::vector<PublishedWeights>& published_weights();

/// By our name; UsageError with the nearest one where there is none.
const PublishedWeights& published_weights_named(const std::string& name);

/// By the name of the file; nullptr where it is none of them.
const PublishedWeights* published_weights_in(const std::string& file_name);

/// The file without top that Keras takes for a network on pictures of that size. Throws Error where Keras publishes
/// none for that alpha.
const PublishedWeights& published_base(const std::string& network, double alpha, int size);

}  // namespace mien::expressions
