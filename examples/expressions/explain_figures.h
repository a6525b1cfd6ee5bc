// Pictures of what a classifier sees, as SVG with a text alternative: for the page of `expressions explain` and for the
// study's report.
//
//   const Classifier classifier = load_classifier(run);
//   const Explainer explainer(classifier);
//   std::vector<Evidence> evidence;                          // four faces it knew, four that it took for another
//   for (int i : telling_faces(result.test, 4, 4)) evidence.push_back(explainer.evidence(face_of(data, i)));
//   DocumentFigure{"evidence", caption, evidence_figure(evidence, classifier.class_names)};
//   DocumentFigure{"filters", caption, filters_figure(classifier.net)};
//   DocumentFigure{"maps", caption, feature_maps_figure(classifier, face_of(data, 0))};
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "classifier.h"
#include "mien/data/dataset.h"
#include "mien/models/explain.h"
#include "mien/train/fit.h"

namespace mien::expressions {

/// A picture as the network gets it: framed, of its size and channels.
struct Face {
  Image picture;
  std::string name;  ///< of the file
  int label = -1;    ///< its true class; -1 where that is not known
};

/// Picture `index` of a data set of uint8 pictures.
Face face_of(const Dataset& data, int index);

/// Places in an evaluation worth a look: first the `right` surest ones that were recognised, then the `wrong` surest
/// ones that were not, each time one of every class before a second of any. Fewer where there are not so many.
std::vector<int> telling_faces(const Evaluation& evaluation, int right, int wrong);

/// What the classifier's answer for one face rests on.
struct Evidence {
  Face face = {};
  std::vector<float> probabilities = {};
  int predicted = 0, explained = 0;  ///< classes; `explained` is the one that the maps are of
  HeatMap heat = {};
  OcclusionMap occlusion = {};
  std::optional<HeatMap> truth = {};  ///< Grad-CAM of the true class, where the explained one is another
};

struct EvidenceOptions {
  int explained = -1;      ///< class that the maps are of; -1: the one the classifier chose
  std::string layer = {};  ///< for Grad-CAM; the last convolution where empty
  OcclusionOptions occlusion = {};
};

/// A classifier compiled for many faces; it must outlive this.
class Explainer {
 public:
  /// Throws Error for a network that wants the label as input.
  explicit Explainer(const Classifier& classifier);
  /// Throws as grad_cam() and occlusion_map() do.
  Evidence evidence(const Face& face, const EvidenceOptions& options = {}) const;

 private:
  const Classifier& classifier_;
  Predictor predictor_;
};

/// Grad-CAM over the grey face, in viridis.
Image heat_picture(const Face& face, const HeatMap& heat);
/// The occlusion map over the grey face: orange where covering lowers the class's probability, blue where it raises it,
/// at full strength for a change of `scale`.
Image occlusion_picture(const Face& face, const OcclusionMap& occlusion, float scale);
/// The largest change in the maps, at least 0.01, so that rounding is not drawn as if it were much.
float occlusion_scale(const std::vector<Evidence>& evidence);

/// "upper left", "centre", …: in which ninth of its picture the largest value of a map (height, width) lies.
std::string place_of_largest(const Tensor& map);

/// A row for each face: the photograph, Grad-CAM, occlusion map and, where a face was taken for another class, Grad-CAM
/// of the true one; under them what the colours mean. A single face without a title is its own title. Throws Error
/// where there is no face.
std::string evidence_figure(const std::vector<Evidence>& evidence, const std::vector<std::string>& class_names,
                            const std::string& title = "");

/// The first convolution's kernels, one picture for each of their input channels; the first 64 where there are more.
std::string filters_figure(const Model& net, const std::string& title = "First filters");

/// For each convolution, or twelve of them in a deeper network, the `maps` feature maps that vary most over this face,
/// in their order in the layer.
std::string feature_maps_figure(const Classifier& classifier, const Face& face, int maps = 6,
                                const std::string& title = "Feature maps");

}  // namespace mien::expressions
