#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roost {

/// `text` without white space (space, tab, CR, LF) at both ends.
std::string_view Trim(std::string_view text);

/// ASCII letters only; other bytes as they are.
std::string ToLower(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

/// Orders and hashes ASCII text without regard to case, for maps keyed by names of the DAG and submit
/// languages.
struct LessIgnoreCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

/// Pieces between `separator`s, empty ones included: "a,,b" gives three.
std::vector<std::string> Split(std::string_view text, char separator);

/// Pieces between runs of any of `separators`, empty ones dropped.
std::vector<std::string> SplitAny(std::string_view text, std::string_view separators);

std::string Join(const std::vector<std::string>& parts, std::string_view separator);

/// The whole text as a decimal integer, or nothing (no sign other than '-', no trailing junk, no overflow).
std::optional<std::int64_t> ParseInt(std::string_view text);

/// The whole text as a finite decimal number, or nothing. Independent of the locale.
std::optional<double> ParseDouble(std::string_view text);

/// Whether the whole text is well-formed UTF-8. Surrogates pass, as in Python's files.
bool IsUtf8(std::string_view text);

/// "999 B", "1.5 kB", "12 MB", "3.2 GB": decimal units, two or three digits that matter.
std::string FormatBytes(std::uint64_t bytes);

/// `text` fit for one line on a terminal: control characters and bytes that are not UTF-8 become '?'.
std::string Printable(std::string_view text);

/// `url` as messages may show it: printable, and without user, password, query and fragment.
std::string DisplayUrl(std::string_view url);

}  // namespace roost
