#include "mien/io/csv.h"

#include <algorithm>
#include <utility>

#include "mien/core/numbers.h"
#include "mien/io/file.h"
#include "mien/kernels/error.h"

namespace mien {

namespace {

// Walks through the text once, a record at a time.
class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& source) : text_(text), source_(source) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }

  // Skips blank lines. Returns whether a record follows; line() is then the one it begins on.
  bool find_record() {
    while (take_line_break()) {
    }
    return at_ < text_.size();
  }

  std::vector<std::string> read_record() {
    std::vector<std::string> fields;
    do fields.push_back(peek() == '"' ? read_quoted() : read_plain());
    while (take(','));
    if (at_ < text_.size() && !take_line_break())
      fail_here("after a closing quote a comma or the end of the line must follow");
    return fields;
  }

  std::size_t line() const { return line_; }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char wanted) {
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool take_line_break() {
    const std::string_view rest = text_.substr(at_, 2);
    if (!rest.starts_with('\n') && rest != "\r\n") return false;
    at_ += rest.front() == '\r' ? 2 : 1;
    ++line_;
    return true;
  }

  std::string read_plain() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(",\n", at_), text_.size());
    if (at_ > begin && peek() == '\n' && text_[at_ - 1] == '\r') --at_;
    const std::string_view field = text_.substr(begin, at_ - begin);
    if (field.find('"') != field.npos) fail_here("a quote inside a field must be doubled and the field quoted");
    if (field.find('\0') != field.npos) fail_here("a zero byte; this is no text file");
    return std::string(field);
  }

  std::string read_quoted() {
    const std::size_t first_line = line_;
    std::string field;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
      } else if (text_.substr(at_ + 1).starts_with('"')) {
        field += text_[++at_];
      } else {
        ++at_;
        return field;
      }
    }
    line_ = first_line;
    fail_here("a quoted field is never closed");
  }

  [[noreturn]] void fail_here(std::string_view rule) const { fail(source_, "line ", line_, ": ", rule, "."); }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0, line_ = 1;
};

}  // namespace

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    // A lone empty field is quoted, or the line would be blank and thus skipped.
    if (fields[i].find_first_of(",\"\r\n") == std::string::npos && !(fields.size() == 1 && fields[i].empty())) {
      line += fields[i];
      continue;
    }
    line += '"';
    for (const char c : fields[i]) line.append(c == '"' ? 2 : 1, c);
    line += '"';
  }
  return line += '\n';
}

CsvTable::CsvTable(std::string_view text, std::string source) : source_(std::move(source)) {
  CsvReader reader(text, source_);
  check(reader.find_record(), source_, "line 1: the names of the columns are missing.");
  columns_ = reader.read_record();
  for (std::size_t i = 0; i < columns_.size(); ++i)
    check(std::find(columns_.begin(), columns_.begin() + static_cast<std::ptrdiff_t>(i), columns_[i]) ==
              columns_.begin() + static_cast<std::ptrdiff_t>(i),
          source_, "line 1: there are two columns '", columns_[i], "'.");
  while (reader.find_record()) {
    lines_.push_back(reader.line());
    rows_.push_back(reader.read_record());
    check(rows_.back().size() == columns_.size(), source_, "line ", lines_.back(), ": there are ", columns_.size(),
          " columns, this line has ", rows_.back().size(), " fields.");
  }
}

bool CsvTable::has_column(std::string_view name) const {
  return std::find(columns_.begin(), columns_.end(), name) != columns_.end();
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found == columns_.end()) {
    std::string names;
    for (const std::string& column : columns_) names += (names.empty() ? "" : ", ") + column;
    fail(source_, "has no column '", name, "'. There are: ", names, ".");
  }
  return static_cast<std::size_t>(found - columns_.begin());
}

double CsvTable::number(std::size_t row, std::size_t column) const {
  const std::string& field = rows_.at(row).at(column);
  const auto value = parse_number(field);
  if (!value) reject(row, join("column '", columns_[column], "' must hold a number. Got '", field.substr(0, 60), "'"));
  return *value;
}

void CsvTable::reject(std::size_t row, std::string_view rule) const {
  fail(source_, "line ", lines_.at(row), ": ", rule, ".");
}

CsvTable read_csv(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return CsvTable(read_file(path, max_bytes), path.string());
}

}  // namespace mien
