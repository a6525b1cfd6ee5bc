// Tables as comma-separated text (RFC 4180), for histories and group files.
//
// Fields may be quoted, and then hold commas, line breaks and doubled quotes. Lines end with LF or CRLF, blank lines
// are skipped, a byte order mark too. The first line names the columns; every other line has as many fields.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mien {

/// One line of a CSV file, its line break included. Fields are quoted where they need it.
std::string csv_line(const std::vector<std::string>& fields);

/// A parsed table. It knows where it came from, so that those who find fault with a value can say where it stands.
class CsvTable {
 public:
  /// Parses `text`; `source` is the file's name for errors, which have the form `[source] line 3: rule`.
  CsvTable(std::string_view text, std::string source);

  const std::vector<std::string>& columns() const { return columns_; }
  std::size_t rows() const { return rows_.size(); }
  const std::vector<std::string>& row(std::size_t index) const { return rows_.at(index); }

  /// The index of a column. Throws Error naming the columns there are.
  std::size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;

  /// The field as a number. Throws Error with file, line and column if it is none.
  double number(std::size_t row, std::size_t column) const;

  /// Throws Error(`[source] line N: rule`) for that row.
  [[noreturn]] void reject(std::size_t row, std::string_view rule) const;

 private:
  std::string source_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> lines_;  // on which each row begins, counted from 1
};

/// Reads a CSV file of at most `max_bytes`.
CsvTable read_csv(const std::filesystem::path& path, std::uint64_t max_bytes = 256u << 20);

}  // namespace mien
