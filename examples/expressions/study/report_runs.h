// The results of a study in the order in which it is told: runs that differ in their seed only stand together.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "mien/io/document.h"
#include "study.h"
#include "variants.h"

namespace mien::expressions::study {

/// The runs of one network on one split by one method, one a seed.
struct RunGroup {
  std::string variant, split, method;
  std::vector<const StudyResult*> runs = {};  ///< those that were done, by seed

  bool empty() const { return runs.empty(); }
  /// A figure of every run, for example values(&StudyResult::accuracy).
  std::vector<double> values(double StudyResult::*figure) const;
  double mean(double StudyResult::*figure) const;
};

/// Two groups by the seeds that both have.
struct SeedPairs {
  std::vector<const StudyResult*> first, second;
};
SeedPairs pair_by_seed(const RunGroup& first, const RunGroup& second);

/// Looks results up. The study must outlive it.
class StudyRuns {
 public:
  explicit StudyRuns(const Study& study);

  const Study& study() const { return *study_; }
  const RunGroup& group(const std::string& variant, const std::string& split, const std::string& method) const;
  /// The same by the method that sentences speak of.
  const RunGroup& group(const std::string& variant, const std::string& split) const {
    return group(variant, split, method());
  }

  /// "report", "sound" or both, in this order.
  const std::vector<std::string>& methods() const { return methods_; }
  /// The method that sentences speak of: "sound" where it was planned.
  const std::string& method() const { return methods_.back(); }
  bool two_methods() const { return methods_.size() > 1; }

  /// Whether any run of the variant was planned or done (on a split, if given).
  bool planned(const std::string& variant, const std::string& split = "") const;
  /// "not run: …", with the reason as far as it is known.
  std::string missing(const std::string& variant, const std::string& split, const std::string& method) const;

  /// Why a base of section 7 has no weights, with the command that gets them; nothing where it has.
  std::optional<std::string> absent(const std::string& variant) const;
  /// What the weights of a base are: "MD5 4d473c1d…", "drawn faces: …", or why that is not known.
  std::string weights(const std::string& variant) const;
  /// Whether a base was planned to see photographs in colour.
  bool in_colour(const std::string& variant, const std::string& method) const;

  /// Seeds planned at most for one group.
  int seeds() const { return seeds_; }
  /// A run as it was planned, for what is the same in all: size, epochs, framing.
  const StudyRun& any_run() const { return study_->plan.runs.front(); }

  /// The variants of a section that were planned or that the report has (of section 8: all), in the order of
  /// variants().
  std::vector<std::string> rows(int section) const;
  /// What sections 5, 6 and 7 are compared with: the same network without augmentation; with it, but not regularised;
  /// the report's own best network.
  static std::string reference(int section);

 private:
  const Study* study_;
  std::map<std::tuple<std::string, std::string, std::string>, RunGroup> groups_;
  std::vector<std::string> methods_;
  int seeds_ = 0;
};

/// What a variant is, without the marks that texts for terminals set commands in.
std::string about_text(const std::string& variant);
/// "by person", "random", "all pictures".
std::string split_name(const std::string& split);
/// "sound", "the report's".
std::string method_name(const std::string& method);

}  // namespace mien::expressions::study
