// What section 7 stands on: the weights of its pretrained bases, as far as they are there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "../options.h"

namespace mien::expressions::study {

/// The base of one variant of section 7.
struct StudyBase {
  std::string variant;
  /// What its weights are, a part of the runs' keys: the MD5 of their file, or how the faces are drawn that it is
  /// pretrained on. "" where there are none.
  std::string weights = {};
  std::filesystem::path file = {};  ///< where they are; empty for drawn faces
  std::string absent = {};          ///< why there are none, and the command that changes it
};

/// All of section 7, in its order. Looks into the folder options.weights_dir for the files by the names that Keras
/// gives them; one whose MD5 is not Keras's counts as absent.
std::vector<StudyBase> find_bases(const StudyOptions& options);

/// The base with exactly those weights. Throws Error, with what is missing, where it is not there any more.
const StudyBase& base_of(const std::vector<StudyBase>& bases, const std::string& variant, const std::string& weights);

}  // namespace mien::expressions::study
