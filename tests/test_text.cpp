// Text that the library writes and reads: core/numbers.h, io/html.h, io/csv.h, io/text.h.
#include <catch2/catch.hpp>
#include <clocale>
#include <cmath>
#include <limits>

#include "mien/core/numbers.h"
#include "mien/io/csv.h"
#include "mien/io/html.h"
#include "mien/io/text.h"
#include "mien/kernels/error.h"

using namespace mien;
using Catch::Matchers::Contains;

TEST_CASE("the shortest text of a number reads back as the same number") {
  CHECK(shortest(0.1) == "0.1");
  CHECK(shortest(0.1f) == "0.1");
  CHECK(shortest(1e-7) == "1e-07");
  CHECK(shortest(-0.0) == "-0");
  CHECK(shortest(-std::nan("")) == "nan");
  CHECK(shortest(-std::numeric_limits<double>::infinity()) == "-inf");
  for (const double value : {1.0 / 3, 1e300, 5e-324, 123456789.125, -2.5e-9})
    CHECK(parse_number(shortest(value)) == value);
}

TEST_CASE("fixed decimals, thousands, percent") {
  CHECK(fixed(0.42, 3) == "0.420");
  CHECK(fixed(-0.0004, 3) == "0.000");
  CHECK(fixed(-0.0006, 3) == "-0.001");
  CHECK(fixed(2.5, 0) == "2");
  CHECK(fixed(1e300, 2).size() == 304);
  CHECK(fixed(std::nan(""), 2) == "nan");
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1168) == "1,168");
  CHECK(grouped(2097408) == "2,097,408");
  CHECK(grouped(-123456) == "-123,456");
  CHECK(grouped(std::numeric_limits<std::int64_t>::min()) == "-9,223,372,036,854,775,808");
  CHECK(percent(0.525) == "52.5 %");
  CHECK(percent(1, 0) == "100 %");
}

TEST_CASE("durations as people say them") {
  CHECK(duration(0.004) == "0.00 s");
  CHECK(duration(0.42) == "0.42 s");
  CHECK(duration(0.996) == "1.0 s");
  CHECK(duration(9.96) == "10 s");
  CHECK(duration(59.6) == "1 m 00 s");
  CHECK(duration(65) == "1 m 05 s");
  CHECK(duration(7380) == "2 h 03 m");
  CHECK(duration(273600) == "3 d 04 h");
  CHECK(duration(-1) == "0.00 s");
  CHECK(duration(std::nan("")) == "?");
  CHECK(duration(INFINITY) == "?");
}

TEST_CASE("only a whole text is a number") {
  CHECK(parse_number("1.5e3") == 1500.0);
  CHECK(parse_number("+2") == 2.0);
  CHECK(std::isnan(*parse_number("nan")));
  for (const char* text : {"", " 1", "1 ", "1,5", "0x10", "+-1", "1e999", "one"}) CHECK_FALSE(parse_number(text));
  CHECK(parse_integer("-42") == -42);
  CHECK_FALSE(parse_integer("4.0"));
  CHECK_FALSE(parse_integer("9223372036854775808"));
}

TEST_CASE("numbers do not follow the locale") {
  const char* names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C"};
  for (const char* name : names)
    if (std::setlocale(LC_ALL, name)) break;
  CHECK(fixed(1.5, 1) == "1.5");
  CHECK(shortest(1.5) == "1.5");
  CHECK(parse_number("1.5") == 1.5);
  std::setlocale(LC_ALL, "C");
}

TEST_CASE("foreign text becomes harmless in HTML and SVG") {
  CHECK(escape_html("a<b> & \"c\" 'd'") == "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  CHECK(escape_html("Zoë 微笑 😀\n") == "Zoë 微笑 😀\n");
  const std::string replacement = "\xef\xbf\xbd";
  CHECK(escape_html(std::string("\0\x1b\x7f", 3)) == replacement + replacement + replacement);
  CHECK(escape_html("\xff") == replacement);
  CHECK(escape_html("a\xc3") == "a" + replacement);                               // cut off
  CHECK(escape_html("\xc0\xaf") == replacement + replacement);                    // overlong
  CHECK(escape_html("\xed\xa0\x80") == replacement + replacement + replacement);  // surrogate
  CHECK(escape_html("\xe2\x82<") == replacement + replacement + "&lt;");
}

TEST_CASE("base64 gives the vectors of RFC 4648") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
  CHECK(data_uri("image/png", "foo") == "data:image/png;base64,Zm9v");
}

TEST_CASE("CSV fields survive writing and reading") {
  const std::vector<std::string> names = {"file", "group", "note"};
  const std::vector<std::string> row = {"a,b.png", "Zoë \"Z\"", "two\r\nlines"};
  const std::string text = csv_line(names) + csv_line(row) + csv_line({"", "", ""});
  CHECK(csv_line(row) == "\"a,b.png\",\"Zoë \"\"Z\"\"\",\"two\r\nlines\"\n");
  const CsvTable table(text, "groups.csv");
  CHECK(table.columns() == names);
  REQUIRE(table.rows() == 2);
  CHECK(table.row(0) == row);
  CHECK(table.row(1) == std::vector<std::string>(3));
  CHECK(CsvTable("x\n" + csv_line({""}), "one.csv").rows() == 1);
}

TEST_CASE("CSV of other programs is read: CRLF, a byte order mark, blank lines, no last line break") {
  const CsvTable table(
      "\xef\xbb\xbf"
      "epoch,loss\r\n\r\n1,0.5\r\n2,nan",
      "history.csv");
  REQUIRE(table.rows() == 2);
  CHECK(table.column("loss") == 1);
  CHECK(table.has_column("epoch"));
  CHECK_FALSE(table.has_column("acc"));
  CHECK(table.number(0, 1) == 0.5);
  CHECK(std::isnan(table.number(1, 1)));
}

TEST_CASE("CSV errors name file, line and rule") {
  const auto parse = [](std::string_view text) { return CsvTable(text, "g.csv"); };
  CHECK_THROWS_WITH(parse(""), "[g.csv] line 1: the names of the columns are missing.");
  CHECK_THROWS_WITH(parse("a,b\n1,2\n3\n"), "[g.csv] line 3: there are 2 columns, this line has 1 fields.");
  CHECK_THROWS_WITH(parse("a,b\n\"x\ny\",2\n1,2,3\n"), Contains("line 4"));
  CHECK_THROWS_WITH(parse("a,b\n1,\"x\ny"), "[g.csv] line 2: a quoted field is never closed.");
  CHECK_THROWS_WITH(parse("a,b\n1,\"x\"y\n"), Contains("line 2: after a closing quote"));
  CHECK_THROWS_WITH(parse("a,b\n1,x\"y\n"), Contains("line 2: a quote inside"));
  CHECK_THROWS_WITH(parse(std::string_view("a\n\0\n", 4)), Contains("line 2: a zero byte"));
  CHECK_THROWS_WITH(parse("a,a\n"), Contains("two columns 'a'"));
  CHECK_THROWS_WITH(parse("a,b\n").column("c"), "[g.csv] has no column 'c'. There are: a, b.");
  CHECK_THROWS_WITH(parse("a,b\n\n1,x\n").number(0, 1), "[g.csv] line 3: column 'b' must hold a number. Got 'x'.");
  CHECK_THROWS_AS(read_csv("missing.csv"), Error);
}

TEST_CASE("text is cut between characters") {
  CHECK(columns("Zoë 微笑") == 6);
  CHECK(cut_to_width("Zoë", 3) == "Zoë");
  CHECK(cut_to_width("Zoë 微笑", 4) == "Zoë…");
  CHECK(cut_to_width("Zoë 微笑", 5, "") == "Zoë 微");
  CHECK(cut_to_width("Zoë", 0).empty());
}
