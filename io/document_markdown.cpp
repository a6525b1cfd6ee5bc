// A document as GitHub's Markdown: figures are links to files, folds are <details>.
#include "mien/io/document_parts.h"
#include "mien/io/html.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

/// Text that Markdown would take for a mark is escaped; a line's first character too where it would begin a list.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '\t') {
      result += ' ';
      continue;
    }
    if (std::string_view("\\`*_[]<>|&#~").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string piece(const std::string& text, const std::string& link, bool strong) {
  std::string result = escaped(text);
  if (strong && !result.empty()) result = join("**", result, "**");
  return link.empty() ? result : join('[', result, "](", address(link), ')');
}

std::string line(const DocumentLine& spans) {
  std::string text;
  for (const DocumentSpan& span : spans.spans) text += piece(span.text, span.link, span.strong);
  return text;
}

/// A paragraph; what would turn its beginning into a list or a rule is escaped.
std::string paragraph(const DocumentLine& spans) {
  std::string text = line(spans);
  if (text.empty()) return text;
  if (text.front() == '-' || text.front() == '+' || text.front() == '=') return '\\' + text;
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits != 0 && digits < text.size() && (text[digits] == '.' || text[digits] == ')')) text.insert(digits, "\\");
  return text;
}

std::string anchor(const std::string& id) { return id.empty() ? "" : join("<a id=\"", id, "\"></a>\n\n"); }

std::string caption(const std::string& label, const DocumentLine& text) {
  if (label.empty() && text.empty()) return "";
  return join(label.empty() ? "" : join("**", escaped(label), ".** "), line(text), "\n\n");
}

struct Writer {
  const MarkdownOptions& options;

  std::string operator()(const DocumentHeading& block) const {
    return join(anchor(block.id), std::string(static_cast<std::size_t>(block.level), '#'), ' ', escaped(block.text),
                "\n\n");
  }
  std::string operator()(const DocumentText& block) const { return join(paragraph(block.text), "\n\n"); }
  std::string operator()(const DocumentNote& block) const { return join("> ", line(block.text), "\n\n"); }
  std::string operator()(const DocumentHighlight& block) const {
    return join("**", escaped(block.value), "** ", escaped(block.text), "\n\n");
  }
  std::string operator()(const DocumentList& block) const {
    std::string text;
    for (std::size_t i = 0; i < block.items.size(); ++i)
      text += join(block.numbered ? join(i + 1, ". ") : "- ", line(block.items[i]), '\n');
    return text + '\n';
  }
  std::string operator()(const DocumentTable& block) const {
    const std::vector<bool> numbers = number_columns(block);
    std::string text = join(anchor(block.id), caption(block.label, block.caption), '|');
    for (std::size_t i = 0; i < numbers.size(); ++i)
      text += join(' ', block.head.empty() ? "" : escaped(flat_title(block, i)), " |");
    text += "\n|";
    for (const bool number : numbers) text += number ? " ---: |" : " --- |";
    text += '\n';
    for (const auto& row : block.rows) {
      text += '|';
      for (const DocumentCell& cell : row)
        text += join(' ', piece(cell.text, cell.link, cell.strong), line(cell.more), " |");
      text += '\n';
    }
    return join(text, '\n', block.note.empty() ? "" : join(line(block.note), "\n\n"));
  }
  std::string operator()(const DocumentFigure& block) const {
    return figure(block.id, block.label, block.caption, title_of_svg(block.svg));
  }
  std::string operator()(const DocumentPictures& block) const {
    return figure(block.id, block.label, block.caption, block.grid.title);
  }
  std::string operator()(const DocumentGroup& block) const {
    const std::string parts = markdown_of(block.blocks);
    return block.caption.empty() ? parts : join(anchor(block.id), parts, caption(block.label, block.caption));
  }
  std::string operator()(const DocumentFold& block) const {
    return join(anchor(block.id), "<details>\n<summary>", escape_html(block.title), "</summary>\n\n",
                markdown_of(block.blocks), "</details>\n\n");
  }

  std::string markdown_of(const std::vector<DocumentBlock>& blocks) const {
    std::string text;
    for (const DocumentBlock& block : blocks) text += std::visit(*this, block);
    return text;
  }

 private:
  std::string figure(const std::string& id, const std::string& label, const DocumentLine& text,
                     std::string_view title) const {
    const std::string words = plain_text(text), alternative = words.empty() ? std::string(title) : words;
    return join(anchor(id), "![", escaped(alternative), "](", address(options.figure_folder), '/', id, '.',
                options.figure_extension, ")\n\n", caption(label, text));
  }
};

}  // namespace

std::string to_markdown(const Document& document, const MarkdownOptions& options) {
  const Document whole = completed(document);
  std::string text = join("# ", escaped(whole.title), "\n\n");
  if (!whole.note.empty()) text += join(paragraph(whole.note), "\n\n");
  if (whole.contents) {
    for (const DocumentHeading& heading : contents_of(whole))
      text += join(heading.level == 3 ? "  " : "", "- [", escaped(heading.text), "](#", heading.id, ")\n");
    text += '\n';
  }
  text += Writer{options}.markdown_of(whole.blocks);
  while (text.size() > 1 && text[text.size() - 2] == '\n') text.pop_back();
  return text;
}

}  // namespace mien
