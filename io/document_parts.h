// What the writers of a document share. Used by them, not by their callers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mien/io/document.h"

namespace mien {

/// The document with nothing left open: every table, figure and heading has its id, everything with a caption its
/// label, every piece of text its words. Throws as to_html() does.
Document completed(const Document& document);

/// Which columns of the table hold numbers only (or nothing, or a dash). None in a table of names and values.
std::vector<bool> number_columns(const DocumentTable& table);

/// The column's title in one line: "by person: accuracy".
std::string flat_title(const DocumentTable& table, std::size_t column);

/// The text of a line without its links.
std::string plain_text(const DocumentLine& line);

/// The title inside an SVG of ours, still escaped for XML; empty if it has none.
std::string_view title_of_svg(std::string_view svg);

/// A link's address with what would end it in HTML or Markdown in percent encoding.
std::string address(std::string_view link);

/// Headings of level 2 and 3 that are not inside a fold or group.
std::vector<DocumentHeading> contents_of(const Document& document);

}  // namespace mien
