#include "yolo/train/results_csv.h"

#include <array>
#include <filesystem>
#include <iomanip>
#include <limits>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

constexpr std::array<std::string_view, 14> kColumns = {"epoch",
                                                       "train/box_loss",
                                                       "train/obj_loss",
                                                       "train/cls_loss",
                                                       "metrics/precision",
                                                       "metrics/recall",
                                                       "metrics/mAP_0.5",
                                                       "metrics/mAP_0.5:0.95",
                                                       "val/box_loss",
                                                       "val/obj_loss",
                                                       "val/cls_loss",
                                                       "x/lr0",
                                                       "x/lr1",
                                                       "x/lr2"};

/// Right-aligned in twenty characters, with five digits that matter.
template <typename Cells>
std::string Line(const Cells& cells) {
  std::ostringstream line;
  line.imbue(std::locale::classic());
  line << std::setprecision(5);
  bool first = true;
  for (const auto& cell : cells) {
    if (!first) line << ',';
    first = false;
    line << std::setw(20) << cell;
  }
  line << '\n';
  return line.str();
}

/// A number, or what is written of one that is none.
std::optional<double> ParseCell(std::string_view cell) {
  if (cell.ends_with("nan") || cell.ends_with("inf")) return std::numeric_limits<double>::quiet_NaN();
  return ParseDouble(cell);
}

/// Calls take(line, cells) for each whole line of results. Throws Error where a line is none.
template <typename Take>
void ForEachLine(const Path& file, Take take) {
  constexpr std::uint64_t kMaxSize = 100'000'000;
  const std::string text = ReadRegularFile(file, kMaxSize).value();
  int number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;  // cut off
    const std::string line = text.substr(begin, end + 1 - begin);
    begin = end + 1;
    ++number;
    const std::vector<std::string> cells = Split(line, ',');
    const auto wrong = [&](const std::string& what) {
      return Error(file.string() + ":" + std::to_string(number) + ": " + what, ExitCode::kBadData,
                   "Move the file away, or train into another folder.");
    };
    if (number == 1) {
      if (Trim(cells.front()) != kColumns.front()) throw wrong("these are no results of a training");
      continue;
    }
    std::vector<double> numbers;
    for (const std::string& cell : cells) {
      if (const auto value = ParseCell(Trim(cell))) numbers.push_back(*value);
    }
    if (numbers.size() != kColumns.size()) throw wrong("this is no line of results");
    take(line, numbers);
  }
}

/// The content of `file` up to the line of `first_epoch`.
std::string LinesBefore(std::int64_t first_epoch, const Path& file) {
  std::string kept = Line(kColumns);
  ForEachLine(file, [&](const std::string& line, const std::vector<double>& numbers) {
    if (numbers.front() < static_cast<double>(first_epoch)) kept += line;
  });
  return kept;
}

Path Begin(const Path& file, std::int64_t first_epoch) {
  const bool there = std::filesystem::exists(file);
  WriteFileAtomically(file, there ? LinesBefore(first_epoch, file) : Line(kColumns)).value();
  return file;
}

}  // namespace

ResultsTable ReadResultsCsv(const Path& file) {
  ResultsTable table;
  ForEachLine(file, [&](const std::string& /*line*/, const std::vector<double>& numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i) table[std::string(kColumns.at(i))].push_back(numbers[i]);
  });
  return table;
}

ResultsCsv::ResultsCsv(const Path& file, std::int64_t first_epoch) : file_(Begin(file, first_epoch)) {}

void ResultsCsv::Append(const EpochResults& r) {
  const std::array<double, kColumns.size()> cells = {static_cast<double>(r.epoch),
                                                     r.train_box,
                                                     r.train_obj,
                                                     r.train_cls,
                                                     r.precision,
                                                     r.recall,
                                                     r.map50,
                                                     r.map,
                                                     r.val_box,
                                                     r.val_obj,
                                                     r.val_cls,
                                                     r.lr0,
                                                     r.lr1,
                                                     r.lr2};
  file_.Append(Line(cells), AppendFile::Sync::kYes).value();
}

}  // namespace roost::yolo
