// What the study's JSON files share.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "mien/io/file.h"
#include "mien/kernels/error.h"
#include "plan.h"

namespace mien::expressions::study {

using Json = nlohmann::ordered_json;

inline std::string text_of(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

/// A number, or null for NaN and infinity, which JSON lacks.
inline Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
inline double number_of(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

/// Reads a file as JSON and hands it to `take`; whatever is missing or of another type becomes an Error that names the
/// file and `what` it should be.
template <class Take>
auto read_json(const std::filesystem::path& file, const char* what, Take&& take) {
  try {
    return take(Json::parse(read_file(file, 256 << 20)));
  } catch (const nlohmann::json::exception& problem) {
    fail(file.string(), "this is not ", what, ": ", problem.what(), ".");
  }
}

/// Options as an object whose keys have underscores.
inline Json to_json(StudyOptions options) {
  Json json;
  options.visit([&](std::string name, auto& field, const std::string&) {
    std::replace(name.begin(), name.end(), '-', '_');
    json[name] = field;
  });
  return json;
}

/// canonical_json() as an object.
inline Json to_json(const StudyRun& run) { return Json::parse(canonical_json(run)); }

StudyRun run_from(const Json& json);

}  // namespace mien::expressions::study
