// Documents: what a page, a Markdown file and a CSV file made of the same blocks must hold, and what is refused.
#include <catch2/catch.hpp>
#include <string>

#include "mien/io/document.h"
#include "mien/io/plot.h"
#include "mien/kernels/error.h"
#include "plot_testing.h"

using namespace mien;
using Catch::Matchers::Contains;

namespace {

std::string plot(const std::string& title) { return to_svg(LinePlot{.title = title, .series = {{.y = {1, 2}}}}); }

const DocumentTable scores{.id = "scores",
                           .caption = "Accuracy on the test side",
                           .head = {"model", "random", "by person"},
                           .rows = {{{"Attempt 1"}, {"63.5 %", "runs/ab/result.json", "0.635"}, {"41.0 %"}},
                                    {{"Best"}, {"95.5 %", "", "0.955"}, {"–"}}}};

Document with(std::vector<DocumentBlock> blocks) { return {.title = "A study", .blocks = std::move(blocks)}; }

}  // namespace

TEST_CASE("tables and figures with a caption are numbered in order, wherever they stand") {
  const std::string page = to_html(with(
      {scores, DocumentFigure{.caption = "First", .svg = plot("one")}, DocumentFigure{.svg = plot("without a caption")},
       DocumentFold{"More", {DocumentFigure{.caption = "Second", .svg = plot("two")}}},
       DocumentTable{.caption = "Second", .head = {"a"}}}));
  CHECK_THAT(page, Contains("<strong>Table 1.</strong> Accuracy") && Contains("<strong>Table 2.</strong> Second"));
  CHECK_THAT(page, Contains("<strong>Figure 1.</strong> First") && Contains("<strong>Figure 2.</strong> Second"));
  CHECK_THAT(page, Contains("id=\"scores\"") && Contains("id=\"figure-2\"") && Contains("id=\"table-2\""));
  CHECK(page.find("Figure 3") == page.npos);
}

TEST_CASE("a label that is given is kept, and numbering goes round it") {
  DocumentTable fourth = scores, first = scores;
  fourth.label = "Table 1", first.id = "other";
  const std::string page = to_html(with({first, fourth}));
  CHECK(page.find("Table 2.") < page.find("Table 1."));
  first.label = "Table 1";
  CHECK_THROWS_WITH(to_html(with({first, fourth})), "[document] two blocks have the label 'Table 1'.");
}

TEST_CASE("a captioned group is one figure of several parts") {
  const Document document =
      with({DocumentGroup{.blocks = {DocumentFigure{.svg = plot("a")}, DocumentFigure{.svg = plot("b")}},
                          .id = "curves",
                          .caption = "Two"}});
  CHECK_THAT(to_html(document),
             Contains("<figure class=\"group\" id=\"curves\">") && Contains("Figure 1.</strong> Two"));
  const std::vector<DocumentFigure> figures = figures_of(document);
  REQUIRE(figures.size() == 2);
  CHECK(figures[0].id == "curves-1");
  CHECK(figures[1].id == "curves-2");
}

TEST_CASE("a link without words reads what it leads to") {
  const Document document =
      with({DocumentHeading{2, "Split and test"},
            DocumentText{{{"See "}, {"", "#scores"}, {" in "}, {"", "#split-and-test"}}}, scores});
  CHECK_THAT(to_html(document),
             Contains("See <a href=\"#scores\">Table 1</a> in <a href=\"#split-and-test\">Split and test</a>"));
  CHECK_THAT(to_markdown(document), Contains("See [Table 1](#scores) in [Split and test](#split-and-test)"));
}

TEST_CASE("what leads nowhere, stands twice or does not fit is refused") {
  CHECK_THROWS_WITH(to_html(with({DocumentText{{{"see", "#nothing"}}}})),
                    "[document] a link leads to '#nothing', and nothing has that id.");
  CHECK_THROWS_WITH(to_html(with({scores, scores})), "[document] two blocks have the id 'scores'.");
  DocumentTable ragged = scores;
  ragged.rows[1].pop_back();
  CHECK_THROWS_WITH(to_html(with({ragged})), "[document] table 'scores' has 3 columns and a row of 2.");
  CHECK_THROWS_WITH(to_csv(ragged), Contains("a row of 2"));
  DocumentTable uncovered = scores;
  uncovered.groups = {{"", 1}, {"split", 1}};
  CHECK_THROWS_WITH(to_html(with({uncovered})), Contains("cover 2 columns of 3"));
  CHECK_THROWS_WITH(to_markdown(with({DocumentHeading{1, "Title"}})), Contains("a heading's level is 2 to 4. Got 1"));
  CHECK_THROWS_WITH(to_html(with({DocumentFigure{.id = "a/b"}})), Contains("letters, digits, - _ and . only"));
}

TEST_CASE("columns of numbers stand flush right, in Markdown too") {
  const std::string page = to_html(with({scores}));
  CHECK_THAT(page, Contains("<th scope=\"col\">model</th><th scope=\"col\" class=\"n\">random</th>") &&
                       Contains("<th scope=\"row\">Attempt 1</th>") && Contains("<td class=\"n\">41.0\u00a0%</td>"));
  CHECK_THAT(to_markdown(with({scores})), Contains("| model | random | by person |\n| --- | ---: | ---: |\n") &&
                                              Contains("| [63.5 %](runs/ab/result.json) |"));
}

TEST_CASE("a column is of numbers where all its cells are, whatever their signs and units") {
  const auto right = [](const std::vector<std::string>& texts) {
    DocumentTable table{.head = {"column"}};
    for (const std::string& text : texts) table.rows.push_back({{text}});
    return to_html(with({table})).find("<td class=\"n\">") != std::string::npos;
  };
  CHECK(right({"1", "−2.5", "< 0.001", "–", ""}));
  CHECK(right({"43.0 % (3.6)", "12 ms", "40 of 200"}));
  CHECK_FALSE(right({"2 cores"}));
  CHECK_FALSE(right({"1", "none"}));
  CHECK_FALSE(right({"–", ""}));
  CHECK(to_html(with({DocumentTable{.rows = {{{"seeds"}, {"1, 2"}}}}})).find("class=\"n\"") == std::string::npos);
}

TEST_CASE("a CSV has the data of its cells and one line of titles") {
  CHECK(to_csv(scores) == "model,random,by person\nAttempt 1,0.635,41.0 %\nBest,0.955,–\n");
  DocumentTable grouped = scores;
  grouped.groups = {{"", 1}, {"accuracy, split", 2}};
  CHECK_THAT(to_csv(grouped), Contains("model,\"accuracy, split: random\",\"accuracy, split: by person\"\n"));
  CHECK_THAT(to_html(with({grouped})), Contains("<th scope=\"colgroup\" colspan=\"2\">accuracy, split</th>"));
}

TEST_CASE("all tables and figures are listed for their files, grids of pictures as SVG") {
  Image grey(4, 4, 1);
  const Document document =
      with({DocumentPictures{.caption = "Faces", .grid = {.groups = {{.pictures = {{.image = grey, .label = "sad"}}}}}},
            DocumentFold{"More", {DocumentTable{.head = {"a"}, .rows = {{{"1"}}}}, scores}}});
  const std::vector<DocumentTable> tables = tables_of(document);
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].id == "untitled-table");
  CHECK(tables[1].label == "Table 1");
  const std::vector<DocumentFigure> figures = figures_of(document);
  REQUIRE(figures.size() == 1);
  CHECK(figures[0].id == "figure-1");
  CHECK_THAT(figures[0].svg, Contains("<svg") && Contains("data:image/jpeg;base64,"));
  CHECK_THAT(to_html(document), Contains("alt=\"sad\"") && Contains("<figcaption>sad"));
  CHECK_THAT(to_markdown(document), Contains("![Faces](figures/figure-1.svg)"));
  CHECK_THAT(to_markdown(document, {"pictures", "png"}), Contains("![Faces](pictures/figure-1.png)"));
}

TEST_CASE("the table of contents lists headings of level 2 and 3 as nested lists") {
  Document document = with({DocumentHeading{2, "One"}, DocumentHeading{3, "One a"}, DocumentHeading{4, "deep"},
                            DocumentHeading{3, "One b"}, DocumentHeading{2, "Two"}, DocumentHeading{2, "One"}});
  CHECK(to_html(document).find("<nav") == std::string::npos);
  document.contents = true;
  const std::string page = to_html(document);
  CHECK_THAT(page, Contains("<li><a href=\"#one\">One</a>\n<ol>\n<li><a href=\"#one-a\">One a</a></li>\n<li><a "
                            "href=\"#one-b\">One b</a></li></ol>\n</li>\n<li><a href=\"#two\">Two</a></li>\n"
                            "<li><a href=\"#one-2\">One</a></li></ol></nav>"));
  CHECK(count(page, "<li>") == count(page, "</li>"));
  CHECK_THAT(to_markdown(document), Contains("- [One](#one)\n  - [One a](#one-a)\n  - [One b](#one-b)\n- [Two](#two)"));
}

TEST_CASE("names cannot break out of a page or a Markdown table") {
  const std::string evil = "</td><script>a|b*[x](y)\"'";
  const Document document = {
      .title = evil,
      .note = evil,
      .blocks = {DocumentHeading{2, evil}, DocumentText{evil}, DocumentList{{evil}}, DocumentNote{evil},
                 DocumentHighlight{evil, evil}, DocumentFold{"</summary><script>", {}},
                 DocumentTable{.caption = evil, .head = {evil}, .rows = {{{evil, "a\"b c(d)"}}}, .note = evil}},
      .contents = true};
  const std::string page = to_html(document), markdown = to_markdown(document);
  CHECK(page.find("<script>") == page.npos);
  CHECK_THAT(page, Contains("href=\"a%22b%20c%28d%29\""));
  CHECK(markdown.find("<script>") == markdown.npos);
  CHECK(markdown.find("[x](y)") == markdown.npos);
  CHECK_THAT(markdown, Contains("a\\|b\\*\\[x\\](y)"));
}

TEST_CASE("a page asks for nothing outside itself and runs no script") {
  const std::string page = to_html(with({scores, DocumentFigure{.svg = plot("one")}}));
  for (const char* const part : {"<script", "<link", "src=\"http", "url(http", "@import"})
    CHECK(page.find(part) == page.npos);
  CHECK_THAT(page, Contains("name=\"viewport\"") && Contains("prefers-color-scheme: dark") && Contains("@media print"));
}

TEST_CASE("Markdown keeps folds, lists, notes and text that looks like a list") {
  const std::string text =
      to_markdown(with({DocumentText{"1. not a list"}, DocumentText{"- nor this"}, DocumentNote{"Mind this."},
                        DocumentList{{"a", "b"}, true}, DocumentFold{"5 < 6", {DocumentText{"inside"}}, "fold"}}));
  CHECK_THAT(text, Contains("\n1\\. not a list\n") && Contains("\n\\- nor this\n") && Contains("\n> Mind this.\n"));
  CHECK_THAT(text,
             Contains("1. a\n2. b\n") && Contains("<a id=\"fold\"></a>\n\n<details>\n<summary>5 &lt; 6</summary>\n\n"
                                                  "inside\n\n</details>"));
  CHECK(text.back() == '\n');
  CHECK(text[text.size() - 2] != '\n');
}
