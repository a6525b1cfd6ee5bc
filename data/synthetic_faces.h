// Synthetic faces: a labelled data set that is drawn, not downloaded.
//
// Five expressions of as many people as asked for. Who a person is, what a face does and how it is seen are all drawn
// from counter-based random numbers, so any picture can be made alone, in any order, on any thread, to the same bits.
//
// It is made to be learnable but not trivial. People differ more than expressions do (head, hair, beard, glasses,
// skin); they have resting faces of their own (brows that slant, corners that hang), each shows an expression in a
// manner of its own, some pictures show only a weak one, and pose, light, background and camera change with every take.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "mien/data/dataset.h"
#include "mien/data/draw_face.h"

namespace mien {

/// The classes, in the order of their labels (0 to 4), sorted as folders are.
inline constexpr std::array<std::string_view, 5> face_expressions = {"angry", "astonish", "happy", "neutral", "sad"};

/// Which faces, and how hard they are. The last six are strengths: 0 takes that difficulty away, 1 is the default set.
struct SyntheticFacesOptions {
  int people = 40;               ///< groups, 1 to 100,000
  int per_class_per_person = 5;  ///< takes of each expression of each person, 1 to 100,000
  int size = 256;                ///< side of the picture in pixels, 16 to 4096
  std::uint64_t seed = 1;
  float subtlety = 1;    ///< how weak the weaker expressions are
  float resting = 1;     ///< how far people's resting faces and manners are from the average
  float pose = 1;        ///< shift, scale, tilt, turn, nod
  float light = 1;       ///< direction, brightness, contrast
  float background = 1;  ///< things behind the head
  float camera = 1;      ///< blur and noise
};

/// Number of pictures: people × 5 × per_class_per_person.
std::int64_t synthetic_face_count(const SyntheticFacesOptions& options);

/// The fixed looks of a person, 0 to people - 1. Throws Error on options or a person out of range.
FaceIdentity synthetic_identity(const SyntheticFacesOptions& options, int person);

/// What the face does in one take: the label's movements at a strength of the take's own, in the person's manner.
FaceExpression synthetic_expression(const SyntheticFacesOptions& options, int person, int label, int take);

/// How that take is seen.
FaceView synthetic_view(const SyntheticFacesOptions& options, int person, int label, int take);

/// One picture, size × size × 1: a pure function of its arguments. Throws Error on options, a person (0 to people - 1),
/// a label (0 to 4) or a take (0 to per_class_per_person - 1) out of range.
Image synthetic_face(const SyntheticFacesOptions& options, int person, int label, int take);

/// All of them in memory, uint8, drawn on all threads; the group of a picture is its person's number. Sorted by class,
/// person and take, as the files of write_synthetic_faces are.
Dataset synthetic_faces(const SyntheticFacesOptions& options = {});

/// Writes every picture as FOLDER/CLASS/CLASS_gPERSON_TAKE.png ("happy/happy_g007_02.png"), the layout that a folder
/// data set reads with PERSON as the group. Folders are made as needed; pictures of the same name are replaced.
/// `progress`, if given, is told the number of pictures written so far and of all, on the calling thread. Throws Error
/// on options or an unwritable folder.
void write_synthetic_faces(const std::filesystem::path& folder, const SyntheticFacesOptions& options,
                           const std::function<void(std::int64_t, std::int64_t)>& progress = {});

}  // namespace mien
