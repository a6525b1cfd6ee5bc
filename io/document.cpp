// A document made complete: ids, numbers and references; and its tables as CSV.
#include "mien/io/document.h"

#include <algorithm>
#include <map>
#include <set>

#include "mien/io/csv.h"
#include "mien/io/document_parts.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// Calls `visit` with every block, those inside others after the one that holds them.
template <class Visit>
void for_each_block(std::vector<DocumentBlock>& blocks, const Visit& visit) {
  for (DocumentBlock& block : blocks) {
    std::visit(visit, block);
    if (auto* group = std::get_if<DocumentGroup>(&block)) for_each_block(group->blocks, visit);
    if (auto* fold = std::get_if<DocumentFold>(&block)) for_each_block(fold->blocks, visit);
  }
}

/// "Two curves, 3x3" → "two-curves-3x3".
std::string slug(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (letters_and_digits.find(c) != std::string_view::npos)
      result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    else if (!result.empty() && result.back() != '-')
      result += '-';
  }
  while (!result.empty() && result.back() == '-') result.pop_back();
  return result;
}

/// Gives out ids and labels, none twice.
class Names {
 public:
  void take_id(const std::string& id) {
    if (id.empty()) return;
    for (const char c : id)
      check(letters_and_digits.find(c) != std::string_view::npos || c == '-' || c == '_' || c == '.', "document",
            "an id is made of letters, digits, - _ and . only. Got '", id, "'.");
    check(ids_.insert(id).second, "document", "two blocks have the id '", id, "'.");
  }
  void take_label(const std::string& label) {
    if (!label.empty()) check(labels_.insert(label).second, "document", "two blocks have the label '", label, "'.");
  }
  std::string free_id(const std::string& wish) {
    std::string id = wish;
    for (int i = 2; !ids_.insert(id).second; ++i) id = join(wish, '-', i);
    return id;
  }
  std::string next_label(const std::string& kind) {
    std::string label;
    do label = join(kind, ' ', ++last_[kind]);
    while (!labels_.insert(label).second);
    return label;
  }

 private:
  std::set<std::string> ids_, labels_;
  std::map<std::string, int> last_;
};

/// Fills in the label of what has a caption, and an id.
template <class Block>
void name_block(Block& block, Names& names, const std::string& kind) {
  if (block.label.empty() && !block.caption.empty()) block.label = names.next_label(kind);
  if (block.id.empty()) block.id = names.free_id(slug(block.label.empty() ? "untitled " + kind : block.label));
}

void name_blocks(Document& document, Names& names) {
  const auto ignore = [](auto&) {};
  const auto take_id = [&](auto& block) { names.take_id(block.id); };
  const auto take = [&](auto& block) { names.take_id(block.id), names.take_label(block.label); };
  for_each_block(
      document.blocks,
      Overloaded{ignore, [&](DocumentHeading& block) { take_id(block); }, [&](DocumentFold& block) { take_id(block); },
                 [&](DocumentTable& block) { take(block); }, [&](DocumentFigure& block) { take(block); },
                 [&](DocumentPictures& block) { take(block); }, [&](DocumentGroup& block) { take(block); }});
  for_each_block(document.blocks, Overloaded{ignore,
                                             [&](DocumentHeading& block) {
                                               check(block.level >= 2 && block.level <= 4, "document",
                                                     "a heading's level is 2 to 4. Got ", block.level, " for '",
                                                     block.text, "'.");
                                               const std::string wish = slug(block.text);
                                               if (block.id.empty())
                                                 block.id = names.free_id(wish.empty() ? "section" : wish);
                                             },
                                             [&](DocumentTable& block) { name_block(block, names, "Table"); },
                                             [&](DocumentFigure& block) { name_block(block, names, "Figure"); },
                                             [&](DocumentPictures& block) { name_block(block, names, "Figure"); },
                                             [&](DocumentGroup& block) {
                                               if (block.caption.empty()) return;
                                               name_block(block, names, "Figure");
                                               for (std::size_t i = 0; i < block.blocks.size(); ++i)
                                                 if (auto* part = std::get_if<DocumentFigure>(&block.blocks[i]);
                                                     part && part->id.empty())
                                                   part->id = names.free_id(join(block.id, '-', i + 1));
                                             }});
}

void check_table(const DocumentTable& table) {
  const std::size_t width = !table.head.empty() ? table.head.size() : table.rows.empty() ? 0 : table.rows[0].size();
  for (const auto& row : table.rows)
    check(row.size() == width, "document", "table '", table.id, "' has ", width, " columns and a row of ", row.size(),
          ".");
  if (table.groups.empty()) return;
  int covered = 0;
  for (const DocumentColumns& group : table.groups) covered += group.count;
  check(covered == static_cast<int>(table.head.size()), "document", "the titles over table '", table.id, "' cover ",
        covered, " columns of ", table.head.size(), ".");
}

/// What a link to each id reads.
std::map<std::string, std::string> link_texts(Document& document) {
  std::map<std::string, std::string> texts;
  const auto labelled = [&](const auto& block) { texts[block.id] = block.label; };
  for_each_block(document.blocks, Overloaded{[](auto&) {}, [&](DocumentTable& block) { labelled(block); },
                                             [&](DocumentFigure& block) { labelled(block); },
                                             [&](DocumentPictures& block) { labelled(block); },
                                             [&](DocumentGroup& block) { labelled(block); },
                                             [&](DocumentHeading& block) { texts[block.id] = block.text; },
                                             [&](DocumentFold& block) { texts[block.id] = block.title; }});
  texts.erase("");
  return texts;
}

void resolve_links(Document& document) {
  const std::map<std::string, std::string> texts = link_texts(document);
  const auto resolve = [&](std::string& text, const std::string& link) {
    if (link.empty() || link.front() != '#') return;
    const auto found = texts.find(link.substr(1));
    check(found != texts.end(), "document", "a link leads to '", link, "', and nothing has that id.");
    if (text.empty()) text = found->second.empty() ? link.substr(1) : found->second;
  };
  const auto line = [&](DocumentLine& spans) {
    for (DocumentSpan& span : spans.spans) resolve(span.text, span.link);
  };
  line(document.note);
  for_each_block(document.blocks,
                 Overloaded{[](auto&) {}, [&](DocumentText& block) { line(block.text); },
                            [&](DocumentNote& block) { line(block.text); },
                            [&](DocumentList& block) { std::for_each(block.items.begin(), block.items.end(), line); },
                            [&](DocumentFigure& block) { line(block.caption); },
                            [&](DocumentPictures& block) { line(block.caption); },
                            [&](DocumentGroup& block) { line(block.caption); },
                            [&](DocumentTable& block) {
                              line(block.caption), line(block.note);
                              for (auto& row : block.rows)
                                for (DocumentCell& cell : row) {
                                  resolve(cell.text, cell.link);
                                  for (DocumentSpan& span : cell.more) resolve(span.text, span.link);
                                }
                            }});
}

std::string_view without_signs(std::string_view text) {
  for (const std::string_view sign : {"-", "−", "–", "+", "±", "<", ">", "≤", "≥", "~"})
    if (text.substr(0, sign.size()) == sign) text.remove_prefix(sign.size());
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

/// "63.5 %", "40 of 200", "12 ms", but not "2 cores": it begins with a digit and has no word of four letters or more.
bool is_number(std::string_view text) {
  int letters = 0, longest = 0;
  for (const char c : text) {
    letters = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? letters + 1 : 0;
    longest = std::max(longest, letters);
  }
  return !text.empty() && text.front() >= '0' && text.front() <= '9' && longest < 4;
}

}  // namespace

bool DocumentLine::empty() const {
  return std::all_of(spans.begin(), spans.end(),
                     [](const DocumentSpan& span) { return span.text.empty() && span.link.empty(); });
}

Document completed(const Document& document) {
  Document whole = document;
  Names names;
  name_blocks(whole, names);
  for_each_block(whole.blocks, Overloaded{[](auto&) {}, [](DocumentTable& block) { check_table(block); }});
  resolve_links(whole);
  return whole;
}

std::vector<bool> number_columns(const DocumentTable& table) {
  const std::size_t width = table.rows.empty() ? table.head.size() : table.rows[0].size();
  std::vector<bool> numbers(width, false);
  if (table.head.empty()) return numbers;
  for (std::size_t i = 0; i < width; ++i) {
    bool some = false, others = false;
    for (const auto& row : table.rows) {
      const std::string_view text = without_signs(row[i].text);
      some = some || is_number(text);
      others = others || (!text.empty() && !is_number(text));
    }
    numbers[i] = some && !others;
  }
  return numbers;
}

std::string flat_title(const DocumentTable& table, std::size_t column) {
  std::size_t end = 0;
  for (const DocumentColumns& group : table.groups) {
    end += static_cast<std::size_t>(group.count);
    if (column < end) return group.title.empty() ? table.head[column] : join(group.title, ": ", table.head[column]);
  }
  return table.head[column];
}

std::string plain_text(const DocumentLine& line) {
  std::string text;
  for (const DocumentSpan& span : line.spans) text += span.text;
  return text;
}

std::string_view title_of_svg(std::string_view svg) {
  const std::size_t element = svg.find("<title"), begin = svg.find('>', element), end = svg.find("</title>", element);
  return element == svg.npos || end == svg.npos || begin > end ? "" : svg.substr(begin + 1, end - begin - 1);
}

std::string address(std::string_view link) {
  std::string text;
  for (const char c : link) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || std::string_view("()<>\"'\\`").find(c) != std::string_view::npos)
      text += join('%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]);
    else
      text += c;
  }
  return text;
}

std::vector<DocumentHeading> contents_of(const Document& document) {
  std::vector<DocumentHeading> headings;
  for (const DocumentBlock& block : document.blocks)
    if (const auto* heading = std::get_if<DocumentHeading>(&block); heading && heading->level <= 3)
      headings.push_back(*heading);
  return headings;
}

std::string to_csv(const DocumentTable& table) {
  check_table(table);
  std::string text;
  std::vector<std::string> fields;
  for (std::size_t i = 0; i < table.head.size(); ++i) fields.push_back(flat_title(table, i));
  if (!fields.empty()) text = csv_line(fields);
  for (const auto& row : table.rows) {
    fields.clear();
    for (const DocumentCell& cell : row) fields.push_back(cell.data.empty() ? cell.text : cell.data);
    text += csv_line(fields);
  }
  return text;
}

std::vector<DocumentTable> tables_of(const Document& document) {
  Document whole = completed(document);
  std::vector<DocumentTable> tables;
  for_each_block(whole.blocks,
                 Overloaded{[](auto&) {}, [&](DocumentTable& block) { tables.push_back(std::move(block)); }});
  return tables;
}

std::vector<DocumentFigure> figures_of(const Document& document) {
  Document whole = completed(document);
  std::vector<DocumentFigure> figures;
  for_each_block(whole.blocks,
                 Overloaded{[](auto&) {}, [&](DocumentFigure& block) { figures.push_back(std::move(block)); },
                            [&](DocumentPictures& block) {
                              figures.push_back({block.id, block.caption, to_svg(block.grid), block.label});
                            }});
  return figures;
}

}  // namespace mien
