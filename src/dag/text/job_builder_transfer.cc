#include <algorithm>
#include <cctype>

#include "dag/text/arithmetic.h"
#include "dag/text/job_builder.h"

namespace roost::dag {
namespace {

/// Names and URLs between commas, each trimmed.
std::vector<std::string> FileList(std::string_view text) {
  std::vector<std::string> files;
  for (const std::string& part : Split(text, ',')) {
    std::string file(Trim(part));
    if (file.size() >= 2 && file.front() == '"' && file.back() == '"') file = file.substr(1, file.size() - 2);
    if (!file.empty()) files.push_back(std::move(file));
  }
  return files;
}

bool IsUrl(std::string_view file) {
  const auto scheme = file.find("://");
  return scheme != std::string_view::npos && scheme > 0 &&
         std::all_of(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(scheme), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
         });
}

/// Pieces between separators. A backslash and what follows it stay together.
std::vector<std::string> SplitEscaped(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == separator) {
      parts.emplace_back();
      continue;
    }
    if (text[i] == '\\' && i + 1 < text.size()) parts.back().push_back(text[i++]);
    parts.back().push_back(text[i]);
  }
  return parts;
}

/// A file name without blanks around it and without the backslashes that hide ';' and '='.
std::string Unescaped(std::string_view text) {
  std::string name;
  text = Trim(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hides = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ';' || text[i + 1] == '=');
    name.push_back(text[hides ? ++i : i]);
  }
  return name;
}

}  // namespace

void JobBuilder::SetTransfer(Job& job) {
  const auto should = Get({"should_transfer_files"});
  if (should) {
    const std::string value = ToLower(should->text);
    if (value == "if_needed" || value == "auto") {
      job.transfer = TransferFiles::kIfNeeded;
    } else if (const auto truth = ParseBool(value)) {
      job.transfer = *truth ? TransferFiles::kYes : TransferFiles::kNo;
    } else {
      Fail(should->where, "should_transfer_files is YES, NO or IF_NEEDED, not '" + should->text + "'");
    }
  }
  SetTransferTime(job, should.has_value());
  SetTransferLists(job);
  SetRemaps(job);
  job.transfer_executable = GetBool("transfer_executable").value_or(true);
  job.transfer_stdin = GetBool("transfer_input").value_or(true);
  job.transfer_stdout = GetBool("transfer_output").value_or(true);
  job.transfer_stderr = GetBool("transfer_error").value_or(true);
  job.preserve_relative_paths = GetBool("preserve_relative_paths").value_or(false);
}

void JobBuilder::SetTransferTime(Job& job, bool chosen) {
  const bool forbidden = job.transfer == TransferFiles::kNo;

  if (const auto when = Get({"when_to_transfer_output"})) {
    const std::string value = ToLower(when->text);
    if (value == "on_exit") {
      job.transfer_output_when = TransferOutput::kOnExit;
    } else if (value == "on_success") {
      job.transfer_output_when = TransferOutput::kOnSuccess;
    } else if (value == "never") {
      job.transfer_output_when = TransferOutput::kNever;
    } else if (value == "on_exit_or_evict") {
      if (chosen && job.transfer == TransferFiles::kIfNeeded) {
        Fail(when->where, "when_to_transfer_output = ON_EXIT_OR_EVICT needs should_transfer_files = YES");
      }
      if (!chosen) job.transfer = TransferFiles::kYes;
    } else {
      Fail(when->where, "when_to_transfer_output is ON_EXIT, ON_EXIT_OR_EVICT, ON_SUCCESS or NEVER, not '" +
                            when->text + "'");
    }
    if (forbidden && value != "never") {
      Fail(when->where,
           "when_to_transfer_output = " + when->text + " contradicts should_transfer_files = NO");
    }
  }
  if (forbidden) job.transfer_output_when = TransferOutput::kNever;
}

void JobBuilder::SetTransferLists(Job& job) {
  const bool forbidden = job.transfer == TransferFiles::kNo;
  for (const std::string_view name : {"transfer_input_files", "transfer_common_input"}) {
    const auto input = Get({name});
    if (!input) continue;
    if (forbidden) Fail(input->where, std::string(name) + " contradicts should_transfer_files = NO");
    for (std::string& file : FileList(input->text)) {
      if (file.starts_with("file:///")) file.erase(0, 7);
      if (IsUrl(file)) {
        Fail(input->where, std::string(name) + ": '" + file + "' is a URL, which is not supported");
      }
      job.transfer_input.push_back(std::move(file));
    }
  }
  if (const auto output = Get({"transfer_output_files"})) {
    if (forbidden) Fail(output->where, "transfer_output_files contradicts should_transfer_files = NO");
    job.transfer_output = FileList(output->text);  // "" names no file: nothing comes back
    std::erase(*job.transfer_output, "\"\"");
  }
}

void JobBuilder::SetRemaps(Job& job) {
  const auto given = Get({"transfer_output_remaps"});
  if (!given) return;
  std::string_view text = given->text;
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') {
    return Fail(given->where,
                "transfer_output_remaps must be in double quotes: \"name = place; name = place\"");
  }
  for (const std::string& remap : SplitEscaped(text.substr(1, text.size() - 2), ';')) {
    if (Trim(remap).empty()) continue;
    const std::vector<std::string> sides = SplitEscaped(remap, '=');
    const std::string name = Unescaped(sides[0]);
    const std::string place = sides.size() == 2 ? Unescaped(sides[1]) : "";
    if (name.empty() || place.empty()) {
      Fail(given->where, "transfer_output_remaps: '" + remap + "' is not name = place");
    } else if (IsUrl(place)) {
      Fail(given->where, "transfer_output_remaps: '" + place + "' is a URL, which is not supported");
    } else {
      job.output_remaps.emplace_back(name, place);
    }
  }
}

}  // namespace roost::dag
