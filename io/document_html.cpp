// A document as one HTML file: style, light and dark, phone and paper.
#include <algorithm>

#include "mien/io/document_parts.h"
#include "mien/io/html.h"
#include "mien/io/text.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

constexpr int widest_on_one_line = 36;  // characters of a cell; a column with longer ones is broken into lines

// Paper is always light. The plots' own sizes are for the full width; side by side their texts are set larger.
constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #ffffff; --faint: #6b6b70; --line: #d9d9de; --card: #f6f6f8; --link: #0058a3; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #ececf0; --paper: #16161a; --faint: #a2a2aa; --line: #3a3a42; --card: #202026; --link: #7cc4f4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.75rem 0 .75rem; }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; } h4 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p, li, .aside { max-width: 44rem; } li + li { margin-top: .2rem; } .note { color: var(--faint); }
a { color: var(--link); text-underline-offset: .15em; text-decoration-thickness: 1px; }
.aside { border-left: 3px solid var(--line); background: var(--card); padding: .6rem 1rem; margin: 1rem 0; }
.result { font-size: 2.6rem; font-weight: 650; line-height: 1.1; margin: 1rem 0 0; } .result + p { margin-top: .2rem; }
.contents { margin: 1.5rem 0; padding: .75rem 1rem; background: var(--card); border-radius: 6px; max-width: 44rem; }
.contents ol { list-style: none; margin: 0; padding: 0; } .contents ol ol { padding-left: 1.2rem; font-size: .92rem; }
.contents li { margin: .1rem 0; } .contents a { text-decoration: none; } .contents a:hover { text-decoration: underline; }
figure { margin: 1.25rem 0; min-width: 0; } figcaption { font-size: .92rem; line-height: 1.45; max-width: 44rem; margin: .5rem 0; }
figure.plot > figcaption { margin-left: auto; margin-right: auto; max-width: 40rem; } .group > figcaption { max-width: 44rem; }
.small { font-size: .85rem; color: var(--faint); margin: .4rem 0 0; }
.pair { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.pair > * { margin: 0; min-width: 0; } .narrow { grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
.narrow .mien-plot text { font-size: 15px; }
.scroll { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; white-space: nowrap; }
tbody th { font-weight: 400; } thead th { font-weight: 600; vertical-align: bottom; } thead th[colspan] { border-bottom-color: var(--faint); }
th:last-child, td:last-child { padding-right: 0; } .facts tbody th { font-weight: 600; }
td.n, th.n { text-align: right; } td.w, th.w { white-space: normal; min-width: 13rem; max-width: 34rem; overflow-wrap: anywhere; }
.facts td.w { min-width: 0; max-width: none; }
@media screen and (max-width: 44rem) {
  table { font-size: .88rem; } th, td { padding-right: .6rem; }
  tbody th, thead tr:last-child th:first-child { position: sticky; left: 0; background: var(--paper); }
  tbody th.w, thead th.w:first-child { min-width: 7rem; max-width: 9rem; overflow-wrap: break-word; } }
.faces { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); padding: 0; margin: 0 0 .75rem; }
.faces figure { margin: 0; font-size: .8rem; line-height: 1.3; overflow-wrap: anywhere; }
.faces figcaption { font-size: inherit; line-height: inherit; margin: 0; }
.faces img { width: 100%; height: auto; border-radius: 4px; display: block; margin-bottom: .25rem; } .faces .exact { image-rendering: pixelated; }
.faces .name { color: var(--faint); font-size: .72rem; } .heading { font-weight: 600; margin: .75rem 0 .4rem; }
details { margin: 1rem 0; border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); padding: .5rem 0; }
details + details { border-top: 0; margin-top: -1rem; }
summary { cursor: pointer; font-weight: 600; }
:target { scroll-margin-top: 1rem; }
@media print {
  @page { margin: 16mm 15mm; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } h1, h2, h3, h4, .heading { break-after: avoid; }
  p, li { orphans: 3; widows: 3; } tr, figure:not(.group), .aside { break-inside: avoid; }
  .group > figcaption { break-before: avoid; } summary { break-after: avoid; } thead { display: table-header-group; }
  .scroll { overflow: visible; } table { font-size: 8.5pt; } th, td { padding-right: .6rem; }
  .pair, .narrow { grid-template-columns: 1fr 1fr; gap: 1rem; } .pair .mien-plot text, .narrow .mien-plot text { font-size: 15px; }
  .faces { grid-template-columns: repeat(auto-fill, minmax(5rem, 1fr)); }
  details { border: 0; } details::details-content { content-visibility: visible; display: block; block-size: auto; }
  figure .mien-plot, figure.plot > figcaption { max-width: 30rem; }
  a { color: inherit; text-decoration: none; }
}
)";

/// Text for the page; a number and its percent sign stay on one line.
std::string prose(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text.substr(i, 2) == " %")
      result += "\u00a0";
    else
      result += text[i];
  return escape_html(result);
}

std::string piece(const std::string& text, const std::string& link, bool strong) {
  std::string html = prose(text);
  if (strong) html = join("<strong>", html, "</strong>");
  return link.empty() ? html : join("<a href=\"", escape_html(address(link)), "\">", html, "</a>");
}

std::string line(const DocumentLine& spans) {
  std::string html;
  for (const DocumentSpan& span : spans.spans) html += piece(span.text, span.link, span.strong);
  return html;
}

std::string id_attribute(const std::string& id) { return id.empty() ? "" : join(" id=\"", id, "\""); }

std::string caption(const std::string& label, const DocumentLine& text) {
  if (label.empty() && text.empty()) return "";
  return join("<figcaption>", label.empty() ? "" : join("<strong>", escape_html(label), ".</strong> "), line(text),
              "</figcaption>");
}

/// The style classes of each column: numbers flush right, long texts broken into lines.
std::vector<std::string> column_classes(const DocumentTable& table) {
  std::vector<std::string> classes;
  for (const bool number : number_columns(table)) classes.emplace_back(number ? " class=\"n\"" : "");
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      if (columns(row[i].text) > widest_on_one_line) classes[i] = " class=\"w\"";
  return classes;
}

std::string table_head(const DocumentTable& table, const std::vector<std::string>& classes) {
  if (table.head.empty()) return "";
  std::string html = "<thead>";
  if (!table.groups.empty()) {
    html += "<tr>";
    for (const DocumentColumns& group : table.groups)
      html += group.title.empty()
                  ? join("<td colspan=\"", group.count, "\"></td>")
                  : join("<th scope=\"colgroup\" colspan=\"", group.count, "\">", prose(group.title), "</th>");
    html += "</tr>\n";
  }
  html += "<tr>";
  for (std::size_t i = 0; i < table.head.size(); ++i)
    html += join("<th scope=\"col\"", classes[i], ">", prose(table.head[i]), "</th>");
  return html + "</tr></thead>\n";
}

std::string table_body(const DocumentTable& table, const std::vector<std::string>& classes) {
  std::string html = "<tbody>";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool names_row = i == 0 && row.size() > 1 && classes[0] != " class=\"n\"";
      html += join(names_row ? "<th scope=\"row\"" : "<td", classes[i], ">",
                   piece(row[i].text, row[i].link, row[i].strong), line(row[i].more), names_row ? "</th>" : "</td>");
    }
    html += "</tr>\n";
  }
  return html + "</tbody>";
}

std::string html_of(const std::vector<DocumentBlock>& blocks);

struct Writer {
  std::string operator()(const DocumentHeading& block) const {
    return join("<h", block.level, id_attribute(block.id), ">", prose(block.text), "</h", block.level, ">\n");
  }
  std::string operator()(const DocumentText& block) const { return join("<p>", line(block.text), "</p>\n"); }
  std::string operator()(const DocumentNote& block) const {
    return join("<div class=\"aside\">", line(block.text), "</div>\n");
  }
  std::string operator()(const DocumentHighlight& block) const {
    return join("<p class=\"result\">", prose(block.value), "</p>\n<p>", prose(block.text), "</p>\n");
  }
  std::string operator()(const DocumentList& block) const {
    const char* const tag = block.numbered ? "ol>" : "ul>";
    std::string html = join('<', tag, '\n');
    for (const DocumentLine& item : block.items) html += join("<li>", line(item), "</li>\n");
    return join(html, "</", tag, '\n');
  }
  std::string operator()(const DocumentTable& block) const {
    const std::vector<std::string> classes = column_classes(block);
    // What can be scrolled must be reachable by keyboard, and so must have a name.
    const std::string name = block.label.empty() ? "table" : block.label;
    return join("<figure class=\"table\"", id_attribute(block.id), ">", caption(block.label, block.caption),
                "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", escape_html(name), "\"><table",
                block.head.empty() ? " class=\"facts\">\n" : ">\n", table_head(block, classes),
                table_body(block, classes), "</table></div>",
                block.note.empty() ? "" : join("<p class=\"small\">", line(block.note), "</p>"), "</figure>\n");
  }
  std::string operator()(const DocumentFigure& block) const {
    return join("<figure class=\"plot\"", id_attribute(block.id), ">", block.svg, caption(block.label, block.caption),
                "</figure>\n");
  }
  std::string operator()(const DocumentPictures& block) const {
    std::string html =
        join("<figure class=\"pictures\"", id_attribute(block.id), ">", caption(block.label, block.caption), '\n');
    for (const ImageGridGroup& group : block.grid.groups) {
      if (!group.title.empty()) html += join("<p class=\"heading\">", prose(group.title), "</p>\n");
      html += "<div class=\"faces\">\n";
      for (const GridPicture& picture : group.pictures) html += picture_html(picture, block.grid.pixels);
      html += "</div>\n";
    }
    return html + "</figure>\n";
  }
  std::string operator()(const DocumentGroup& block) const {
    const std::string grid =
        join("<div class=\"pair", block.narrow ? " narrow" : "", "\">\n", html_of(block.blocks), "</div>\n");
    if (block.caption.empty()) return grid;
    return join("<figure class=\"group\"", id_attribute(block.id), ">", grid, caption(block.label, block.caption),
                "</figure>\n");
  }
  std::string operator()(const DocumentFold& block) const {
    return join("<details", id_attribute(block.id), "><summary>", prose(block.title), "</summary>\n",
                html_of(block.blocks), "</details>\n");
  }

 private:
  static std::string picture_html(const GridPicture& picture, int pixels) {
    const int longest = std::max({picture.image.width, picture.image.height, 1});
    const int width = pixels * picture.image.width / longest, height = pixels * picture.image.height / longest;
    std::string html =
        join("<figure><img width=\"", width, "\" height=\"", height, "\"", picture.pixelated ? " class=\"exact\"" : "",
             " alt=\"", escape_html(picture_description(picture)), "\" src=\"", picture_uri(picture, pixels), "\">");
    if (!picture.label.empty() || !picture.detail.empty()) {
      html += join("<figcaption>", prose(picture.label));
      if (!picture.detail.empty()) html += join("<div class=\"name\">", escape_html(picture.detail), "</div>");
      html += "</figcaption>";
    }
    return html + "</figure>\n";
  }
};

std::string html_of(const std::vector<DocumentBlock>& blocks) {
  std::string html;
  for (const DocumentBlock& block : blocks) html += std::visit(Writer(), block);
  return html;
}

std::string contents_html(const Document& document) {
  std::string html = "<nav class=\"contents\" aria-label=\"Contents\"><ol>\n";
  int depth = 2;
  bool open = false;
  for (const DocumentHeading& heading : contents_of(document)) {
    if (heading.level == 3 && depth == 2 && open) html += "\n<ol>\n", depth = 3, open = false;
    if (heading.level == 2 && depth == 3) html += "</li></ol>\n", depth = 2, open = true;
    if (open) html += "</li>\n";
    html += join("<li><a href=\"#", heading.id, "\">", prose(heading.text), "</a>");
    open = true;
  }
  if (depth == 3) html += "</li></ol>\n";
  return html + (open ? "</li></ol></nav>\n" : "</ol></nav>\n");
}

}  // namespace

std::string to_html(const Document& document) {
  const Document whole = completed(document);
  const std::string title = escape_html(whole.title);
  std::string page = join(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      title, "</title>\n<style>", style, "</style></head>\n<body><main>\n<h1>", title, "</h1>\n");
  if (!whole.note.empty()) page += join("<p class=\"note\">", line(whole.note), "</p>\n");
  if (whole.contents) page += contents_html(whole);
  return join(page, html_of(whole.blocks), "</main></body></html>\n");
}

}  // namespace mien
