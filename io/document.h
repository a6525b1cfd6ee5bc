// A report as blocks, written out as a page (HTML) or as Markdown, its tables as CSV.
//
// Who writes a report says what stands in it; how that looks, in light and dark, on paper and on a phone, is settled
// here. Tables and figures are numbered in the order in which they come, and whatever has an id can be linked to as
// "#id". A page needs nothing but itself: the style and all pictures are inside.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mien/io/image_grid.h"

namespace mien {

/// A piece of text. A link is "#ID" for something in the document or an address relative to it. A piece without text
/// that links to a numbered block shows that block's label: {"", "#curves"} reads "Figure 2".
struct DocumentSpan {
  std::string text = {}, link = {};
  bool strong = false;
};

/// A line or paragraph: plain text, or pieces.
struct DocumentLine {
  std::vector<DocumentSpan> spans = {};

  DocumentLine() = default;
  DocumentLine(std::string text) : spans{{std::move(text)}} {}
  DocumentLine(const char* text) : DocumentLine(std::string(text)) {}
  DocumentLine(std::initializer_list<DocumentSpan> pieces) : spans(pieces) {}
  DocumentLine(std::vector<DocumentSpan> pieces) : spans(std::move(pieces)) {}

  bool empty() const;
};

struct DocumentCell {
  std::string text = {}, link = {};
  std::string data = {};  ///< what the CSV shows in place of the text: "0.635" for "63.5 %"
  bool strong = false;
  std::vector<DocumentSpan> more = {};  ///< stands after the text on the page, not in the CSV: a link for each seed
};

/// A title over several columns of a table.
struct DocumentColumns {
  std::string title = {};
  int count = 0;
};

/// Columns of numbers are set flush right. Where there are `groups`, they cover the columns from the first to the
/// last; an empty title is none. CSV and Markdown put it before the column's own: "by person: accuracy".
struct DocumentTable {
  std::string id = {};                 ///< of letters, digits, - _ and . only, as every id: files are named after it
  DocumentLine caption = {};           ///< without one, a table or figure has no number
  std::vector<std::string> head = {};  ///< may be empty: a table of names and values
  std::vector<std::vector<DocumentCell>> rows = {};
  DocumentLine note = {};  ///< small, under the table
  std::string label = {};  ///< "Table 4" where the number is given; else the next free one
  std::vector<DocumentColumns> groups = {};
};

struct DocumentFigure {
  std::string id = {};
  DocumentLine caption = {};
  std::string svg = {};    ///< from to_svg() of a plot: brings its own text alternative
  std::string label = {};  ///< "Figure 2", as in DocumentTable
};

/// Pictures in a grid that fits itself to the page; numbered as a figure.
struct DocumentPictures {
  std::string id = {};
  DocumentLine caption = {};
  ImageGridPlot grid = {};
  std::string label = {};
};

/// Level 2 to 4; the document's title is level 1. Without an id it gets one from its text.
struct DocumentHeading {
  int level = 2;
  std::string text = {}, id = {};
};

struct DocumentText {
  DocumentLine text = {};
};

struct DocumentList {
  std::vector<DocumentLine> items = {};
  bool numbered = false;
};

/// An aside, set apart.
struct DocumentNote {
  DocumentLine text = {};
};

/// The one figure that a reader came for, set large, and what it is.
struct DocumentHighlight {
  std::string value = {}, text = {};
};

struct DocumentBlock;

/// Blocks side by side where the page is wide enough, else one below the other. With a caption it is one figure made of
/// several, numbered as such: small multiples.
struct DocumentGroup {
  std::vector<DocumentBlock> blocks;
  bool narrow = false;  ///< three in a row instead of two
  std::string id = {};
  DocumentLine caption = {};
  std::string label = {};
};

/// Blocks that are folded away under a line until a reader opens them; unfolded on paper.
struct DocumentFold {
  std::string title;
  std::vector<DocumentBlock> blocks;
  std::string id = {};
};

struct DocumentBlock : std::variant<DocumentHeading, DocumentText, DocumentList, DocumentNote, DocumentHighlight,
                                    DocumentTable, DocumentFigure, DocumentPictures, DocumentGroup, DocumentFold> {
  using variant::variant;
};

struct Document {
  std::string title = {};
  DocumentLine note = {};  ///< stands under the title
  std::vector<DocumentBlock> blocks = {};
  bool contents = false;  ///< begins with a table of contents: the headings of level 2 and 3
};

/// A whole page. Throws Error where an id stands twice or holds other characters than it may, a "#" link leads nowhere,
/// a label is given twice, a heading's level is not 2 … 4, or a table's rows are not as long as its head.
std::string to_html(const Document& document);

struct MarkdownOptions {
  /// Figures are links to FOLDER/ID.EXTENSION; write what figures_of() gives there.
  std::string figure_folder = "figures", figure_extension = "svg";
};

/// GitHub's Markdown. Throws as to_html does.
std::string to_markdown(const Document& document, const MarkdownOptions& options = {});

/// The table as comma-separated text: a line of column titles (none where the table has none), a line a row.
std::string to_csv(const DocumentTable& table);

/// All tables of the document, those in folds and groups too, in order, each with its label and an id ("table-4" where
/// it had none): what the CSV files are made of. Throws as to_html does.
std::vector<DocumentTable> tables_of(const Document& document);

/// All figures likewise ("figure-2"), grids of pictures drawn as SVG: what the figures' files are made of.
std::vector<DocumentFigure> figures_of(const Document& document);

}  // namespace mien
