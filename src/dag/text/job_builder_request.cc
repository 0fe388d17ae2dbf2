#include <algorithm>
#include <cctype>
#include <cmath>

#include "dag/text/classad_evaluator.h"
#include "dag/text/job_builder.h"

namespace roost::dag {
namespace {

constexpr double kKilobyte = 1024;
constexpr double kMegabyte = 1024 * kKilobyte;
constexpr std::string_view kPrefix = "request_";

/// "1.5G" in bytes, a number without suffix in units; nothing where the text is another expression.
std::optional<double> PlainSize(std::string_view text, double unit_bytes) {
  std::string_view number = text;
  if (number.size() > 1 && (number.back() == 'b' || number.back() == 'B')) number.remove_suffix(1);
  const char letter =
      number.empty() ? '?' : static_cast<char>(std::toupper(static_cast<unsigned char>(number.back())));
  const auto power = std::string_view("KMGT").find(letter);
  if (power == std::string_view::npos) {
    const auto plain = ParseDouble(text);  // a lone 'B' is no unit of HTCondor's
    return plain ? std::optional(*plain * unit_bytes) : std::nullopt;
  }
  number.remove_suffix(1);
  const auto plain = ParseDouble(Trim(number));
  return plain ? std::optional(*plain * std::pow(kKilobyte, static_cast<double>(power + 1))) : std::nullopt;
}

/// One word that stands for nothing that we know: rather a slip than an expression.
bool IsWord(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

bool IsReserved(std::string_view tag) {
  for (const std::string_view known : {"cpus", "memory", "disk", "gpus"}) {
    if (EqualsIgnoreCase(tag, known)) return true;
  }
  return false;
}

}  // namespace

/// What an expression comes to before the job has run. Kept as expression where it may come to something else
/// later; nothing where it is undefined yet.
std::optional<double> JobBuilder::Evaluated(Job& job, const Given& given, const std::string& attribute) {
  const auto expr = ParseExpr(given.text);
  if (!expr) {
    Fail(given.where, std::string(given.name) + ": " + expr.error().message());
    return std::nullopt;
  }
  if (EqualsIgnoreCase(given.text, "undefined")) return std::nullopt;
  const Value value = expr->Evaluate(MakeJobAd(job));
  const auto number = AsReal(value);
  if (value.undefined() && !IsWord(given.text)) {
    job.request_expressions.emplace(attribute, *expr);
    Warn(given.where, std::string(given.name) + " = " + given.text +
                          " is undefined before the job has run: nothing is asked for until then");
  } else if (!number || !(*number >= 0)) {
    const auto* failure = std::get_if<Failure>(&value);
    Fail(given.where, std::string(given.name) + ": '" + given.text + "' comes to no number" +
                          (failure != nullptr ? ": " + failure->why : ""));
    return std::nullopt;
  } else if (!expr->constant()) {
    job.request_expressions.emplace(attribute, *expr);
  }
  return number;
}

/// A whole number, at least `least`. Nothing where it is not given or can only be known later.
std::optional<std::int64_t> JobBuilder::Count(Job& job, std::string_view name, const std::string& attribute,
                                              std::int64_t least) {
  const auto given = Get({name});
  if (!given) return std::nullopt;
  std::optional<double> number = ParseDouble(given->text);
  if (!number) number = Evaluated(job, *given, attribute);
  if (!number) return std::nullopt;
  constexpr std::int64_t kMost = 1'000'000;
  if (*number != std::floor(*number)) {
    Fail(given->where, std::string(name) + ": '" + given->text + "' is not a whole number");
  } else if (*number < static_cast<double>(least) || *number > static_cast<double>(kMost)) {
    Fail(given->where,
         std::string(name) + " must be from " + std::to_string(least) + " to " + std::to_string(kMost));
  } else {
    return static_cast<std::int64_t>(*number);
  }
  return std::nullopt;
}

/// A size with an optional K, M, G or T, or an expression in units of `unit_bytes`, rounded up.
std::optional<std::int64_t> JobBuilder::Size(Job& job, std::string_view name, const std::string& attribute,
                                             double unit_bytes) {
  auto given = Get({name});
  if (!given) return std::nullopt;
  // "512M, 1G, 2G" grows from retry to retry.
  if (const auto comma = given->text.find(',');
      comma != std::string::npos && given->text.find('(') == std::string::npos) {
    given->text = Trim(given->text.substr(0, comma));
    Warn(given->where, std::string(name) + ": only the first of several values is used");
  }
  std::optional<double> bytes = PlainSize(given->text, unit_bytes);
  if (!bytes) {
    const std::size_t faults = faults_.size();
    const auto units = Evaluated(job, *given, attribute);
    const bool failed = faults_.size() > faults && faults_.back().severity == Fault::Severity::kError;
    if (failed) faults_.back().message += " (a size is a number such as 2048, 2G or 1.5G)";
    if (!units) return std::nullopt;
    bytes = *units * unit_bytes;
  }
  const double size = std::ceil(*bytes / unit_bytes);
  constexpr double kMost = 1e15;
  if (size < 0 || size > kMost) {
    Fail(given->where, std::string(name) + ": '" + given->text + "' is out of range");
    return std::nullopt;
  }
  return static_cast<std::int64_t>(size);
}

void JobBuilder::SetRequest(Job& job) {
  job.request.cpus = static_cast<int>(Count(job, "request_cpus", "RequestCpus", 1).value_or(1));
  job.request.gpus = static_cast<int>(Count(job, "request_gpus", "RequestGPUs", 0).value_or(0));
  job.request.memory_mb = Size(job, "request_memory", "RequestMemory", kMegabyte);
  job.request.disk_kb = Size(job, "request_disk", "RequestDisk", kKilobyte);
  SetCustomRequests(job);
}

void JobBuilder::SetCustomRequests(Job& job) {
  for (const auto& [name, entry] : macros_.entries()) {
    if (!EqualsIgnoreCase(std::string_view(name).substr(0, kPrefix.size()), kPrefix)) continue;
    const std::string tag = name.substr(kPrefix.size());
    if (tag.empty() || IsReserved(tag)) continue;
    if (const auto amount = Count(job, name, "Request" + tag, 0)) job.request.custom[tag] = *amount;
  }
}

}  // namespace roost::dag
