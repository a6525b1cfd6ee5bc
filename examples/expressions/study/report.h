// The study, written: tables, figures and sentences made from its results.
//
// The same results give the same bytes, except for the last section of the page (date, machine and timings) and its
// tables.
#pragma once

#include <filesystem>

#include "mien/io/document.h"
#include "study.h"

namespace mien::expressions::study {

/// The whole report. Weights for what needs them are taken from FOLDER/runs/KEY/best.safetensors of the study's folder;
/// where they are missing the report says so.
Document study_document(const Study& study);

/// Writes FOLDER/report.html, report.md, tables/*.csv, figures/*.svg and figures/*.png. Tables and figures that an
/// earlier report has left there are removed.
void write_report(const Study& study, const std::filesystem::path& folder);

}  // namespace mien::expressions::study
