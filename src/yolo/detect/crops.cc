#include "yolo/detect/crops.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "roost/base/text.h"
#include "yolo/detect/reporter.h"

namespace roost::yolo {
namespace {

constexpr std::size_t kMaxFolderName = 200;  // bytes; file systems take 255

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string FolderName(std::string name, std::int64_t class_id) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || IsControl(c); }, '_');
  name = Printable(Trim(name));
  if (name.empty()) return "class" + std::to_string(class_id);
  if (name.front() == '.') name.front() = '_';
  if (name.size() > kMaxFolderName) {
    std::size_t end = kMaxFolderName;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80) --end;  // whole characters
    name.resize(end);
  }
  return name;
}

std::string_view WithoutLastDigit(std::string_view text) {
  const bool ends_in_digit = !text.empty() && text.back() >= '0' && text.back() <= '9';
  return ends_in_digit ? text.substr(0, text.size() - 1) : std::string_view();
}

std::size_t LongestRun(std::string_view text, char wanted) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == wanted ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

}  // namespace

std::vector<std::string> CropFolders(const std::vector<std::string>& names, std::int64_t classes) {
  std::vector<std::string> folders(static_cast<std::size_t>(classes));
  std::unordered_set<std::string> taken;
  // Names that need no change come first: they keep their folder even where another becomes equal to them.
  for (const bool unchanged : {true, false}) {
    for (std::int64_t id = 0; id < classes; ++id) {
      std::string& folder = folders[static_cast<std::size_t>(id)];
      const std::string name = ClassName(names, id);
      std::string wanted = FolderName(name, id);
      if (!folder.empty() || (unchanged && (wanted != name || taken.contains(wanted)))) continue;
      while (!taken.insert(wanted).second) wanted += "_" + std::to_string(id);
      folder = wanted;
    }
  }
  return folders;
}

CropNames::CropNames(const std::vector<Path>& inputs) {
  std::unordered_map<std::string, std::size_t> owners;
  std::size_t longest_run = 0;
  names_.reserve(inputs.size());
  for (const Path& input : inputs) {
    std::string base = input.stem();
    if (owners.contains(base)) base = input.filename();
    while (!owners.emplace(base, names_.size()).second) base += '_';
    longest_run = std::max(longest_run, LongestRun(base, '_'));
    names_.push_back({.base = base});
  }
  separator_.assign(longest_run + 1, '_');
  for (const auto& [base, owner] : owners) {
    for (std::string_view shorter = WithoutLastDigit(base); !shorter.empty();
         shorter = WithoutLastDigit(shorter)) {
      if (const auto found = owners.find(std::string(shorter)); found != owners.end()) {
        names_[found->second].is_ambiguous = true;
      }
    }
  }
}

std::string CropNames::NameOf(std::size_t input, std::int64_t number) const {
  const auto& [base, is_ambiguous] = names_.at(input);
  if (number == 1) return base + ".jpg";
  return base + (is_ambiguous ? separator_ : "") + std::to_string(number) + ".jpg";
}

}  // namespace roost::yolo
