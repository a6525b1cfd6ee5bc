// What a network sees: the outputs of its layers for one picture, its first filters, and which parts of the picture its
// answer rests on. For any Model of one picture (height, width, channels) in and one row of logits out.
//
//   const Tensor picture = ...;                              // (256, 256, 1), scaled as in training
//   const HeatMap heat = grad_cam(net, picture, 3);          // what speaks for class 3
//   const OcclusionMap hidden = occlusion_map(net, picture, 3);
//
// All of it works on the network as its layers are written, unfused, with dropout off and batch normalisation in
// inference. A picture is float32, without a batch axis; results lie on the CPU and stand in no graph. Weights and
// their gradients stay as they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mien/layers/model.h"
#include "mien/layers/predictor.h"

namespace mien {

/// The output of one layer for one picture.
struct FeatureMaps {
  std::string layer;
  Tensor values;  ///< (height, width, channels), or what shape the layer's output has
};

/// The outputs of the layers of these names, each as the layer hands it on (after the activation that is its own
/// option); without names, of all convolutions. In the order in which the network computes them; a layer that is used
/// twice comes twice. Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
///
/// Throws Error for an unknown layer (with the nearest name), a picture of another shape, and without names where there
/// is no convolution.
std::vector<FeatureMaps> feature_maps(const Model& model, const Tensor& picture,
                                      const std::vector<std::string>& layers = {});

/// The kernels of a convolution as small pictures.
struct Filters {
  std::string layer;
  Tensor values;      ///< (filters, height, width, channels): the weights divided by `largest`, so -1 … 1 around zero
  float largest = 0;  ///< the largest absolute weight; 0 where all weights are 0
};

/// Of the first convolution; Error where there is none.
Filters first_layer_filters(const Model& model);

/// The output of one layer for one picture, and how the logit of a class changes with each of its values.
struct LayerGradient {
  std::string layer;  ///< whose output it is
  Tensor values;      ///< (height, width, channels)
  Tensor gradient;    ///< d logit / d values, of the same shape
  float logit = 0;    ///< of the class
};

/// For the layer of that name (the last convolution where it is empty), after its activation: where the layer has none
/// of its own and an activation layer follows, directly or behind batch normalisation, for the output of that one. The
/// logit is what a softmax at the end of the network reads, or the network's output where it ends without one.
///
/// Throws Error for an unknown layer (with the nearest name), one whose output is not (height, width, channels), a
/// class out of range, a picture of another shape, and where no layer is named and there is no convolution.
LayerGradient class_gradient(const Model& model, const Tensor& picture, int label, const std::string& layer = "");

/// Where the evidence for a class lies.
struct HeatMap {
  std::string layer;  ///< whose output it was made from
  Tensor values;      ///< (height, width) of the layer's output, 0 … 1
  Tensor on_picture;  ///< (height, width) of the picture, 0 … 1: `values` stretched, linear between their centres
  float largest = 0;  ///< what was divided by; 0 for a map that is zero all over, which stays so
};

/// Grad-CAM: the channels of the layer's output, each weighted with the mean of the class's gradient over it, summed,
/// cut off below zero and divided by the largest value. Layer and errors as class_gradient().
/// Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV
/// 2017, equations 1 and 2.
HeatMap grad_cam(const Model& model, const Tensor& picture, int label, const std::string& layer = "");

struct OcclusionOptions {
  int window = 0;                  ///< side of the covered square in pixels; 0: an eighth of the picture's shorter side
  int stride = 0;                  ///< from one square to the next, at most the window; 0: half the window
  std::optional<float> fill = {};  ///< what covers; absent: each channel's mean over the picture
  int batch = 32;                  ///< pictures in one pass
};

/// What it costs to cover a part of the picture.
struct OcclusionMap {
  int window = 0, stride = 0;
  float probability = 0;  ///< of the class, for the picture as it is
  Tensor drops;  ///< (rows, columns), one a position of the window: `probability` minus that of the covered picture
  Tensor on_picture;  ///< (height, width): for each pixel the mean of the drops of all windows that cover it
};

/// The drop in the class's probability for every position of a square window on the picture; negative where the network
/// is surer with that part covered. Positions start at the top left; the last of a row or column ends at the border.
/// Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
///
/// Throws Error for a class out of range, a picture of another shape, a window that is larger than the picture and a
/// stride above the window.
OcclusionMap occlusion_map(const Model& model, const Tensor& picture, int label, const OcclusionOptions& options = {});
/// The same with a compiled network, for many pictures. The picture may lie on any device.
OcclusionMap occlusion_map(const Predictor& predictor, const Tensor& picture, int label,
                           const OcclusionOptions& options = {});

}  // namespace mien
