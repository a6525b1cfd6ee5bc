// A data set from a folder of photographs: one subfolder a class.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "mien/data/dataset.h"
#include "mien/io/image.h"

namespace mien {

/// What of a photograph becomes the square picture.
enum class Framing {
  centre,  ///< the largest square in the middle
  whole,   ///< the whole frame, its sides pressed to the same length
};

/// The size × size picture that a photograph becomes: framed, then resized with antialiasing.
Image framed(const Image& photograph, Framing framing, int size);

struct ImageFolderOptions {
  int size = 256;    ///< side of the pictures, in pixels
  int channels = 1;  ///< 1: grey by ITU-R 601; 3: colour
  Framing framing = Framing::centre;
  /// A regular expression (ECMAScript) whose first group, found in a file's name, is the picture's group: the person it
  /// shows. "_g([^_.]+)" finds 007 in happy_g007_02.png. Empty: no groups. Every name must match.
  std::string group_pattern = "";
  /// Or a CSV file with a header and the columns file (path under the folder) and group.
  std::filesystem::path groups_csv = "";
  /// Told the number of pictures read so far and of all; from several threads, one call at a time.
  std::function<void(int done, int total)> progress = {};
};

/// All pictures FOLDER/CLASS/FILE (.jpg, .jpeg, .png, .bmp, .gif), read on all cores, turned upright, framed and
/// resized with antialiasing. Classes are the subfolders, sorted by name; pictures are sorted by path. Names are paths
/// under the folder.
///
/// Throws Error for a folder without classes, a class without pictures, a file that cannot be read (by name, with the
/// reason), a name without a group, and more pictures than memory holds.
class ImageFolder : public Dataset {
 public:
  explicit ImageFolder(const std::filesystem::path& folder, const ImageFolderOptions& options = {});
};

/// The first picture of such a folder, in ImageFolder's order, that is grey: stored with one channel, or with three
/// that are nearly the same everywhere (colourfulness() under 4). Its name, as ImageFolder has it; empty where all have
/// colour. A file that cannot be read counts as one in colour, for ImageFolder to tell. Throws Error for a folder
/// without classes and a class without pictures.
std::string first_grey_picture(const std::filesystem::path& folder);

}  // namespace mien
