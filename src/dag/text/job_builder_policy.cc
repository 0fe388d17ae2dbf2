#include <climits>
#include <csignal>
#include <cstring>

#include "dag/text/arithmetic.h"
#include "dag/text/classad_evaluator.h"
#include "dag/text/job_builder.h"

namespace roost::dag {
namespace {

constexpr std::int64_t kMostCount = 1'000'000'000;

/// SIGTERM, TERM or 15.
std::optional<int> SignalNumber(std::string_view text) {
  if (const auto number = ParseInt(text)) {
    return *number > 0 && *number < NSIG ? std::optional(static_cast<int>(*number)) : std::nullopt;
  }
  constexpr std::string_view kPrefix = "SIG";
  if (EqualsIgnoreCase(text.substr(0, kPrefix.size()), kPrefix)) text.remove_prefix(kPrefix.size());
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* name = ::sigabbrev_np(signal);
    if (name != nullptr && EqualsIgnoreCase(text, name)) return signal;
  }
  return std::nullopt;
}

bool IsWholeNumber(const Expr& expr) {
  const std::string_view text = expr.text();
  return ParseInt(text.substr(text.starts_with('+') ? 1 : 0)).has_value();
}

}  // namespace

void JobBuilder::SetPolicy(Job& job) {
  JobPolicy& policy = job.policy;
  policy.on_exit_hold = GetExpr({"on_exit_hold"});
  policy.on_exit_hold_reason = GetExpr({"on_exit_hold_reason"});
  policy.on_exit_hold_subcode = GetExpr({"on_exit_hold_subcode"});
  policy.on_exit_remove = GetExpr({"on_exit_remove"});
  policy.periodic_hold = GetExpr({"periodic_hold"});
  policy.periodic_hold_reason = GetExpr({"periodic_hold_reason"});
  policy.periodic_hold_subcode = GetExpr({"periodic_hold_subcode"});
  policy.periodic_release = GetExpr({"periodic_release"});
  policy.periodic_remove = GetExpr({"periodic_remove"});
  policy.periodic_vacate = GetExpr({"periodic_vacate"});
  policy.allowed_job_duration = GetSeconds({"allowed_job_duration"});
  policy.allowed_execute_duration = GetSeconds({"allowed_execute_duration"});
  SetRetries(policy);
}

/// max_retries, retry_until and success_exit_code are an on_exit_remove expression, as condor_submit writes
/// it; one that is given as well is another way to leave the queue.
void JobBuilder::SetRetries(JobPolicy& policy) {
  constexpr std::int64_t kDefaultRetries = 2;
  policy.max_retries = GetInteger({"max_retries"}, 0, kMostCount);
  policy.success_exit_code = GetInteger({"success_exit_code"}, INT_MIN, INT_MAX);
  const auto retry_until = GetExpr({"retry_until"});
  if (!policy.max_retries && !policy.success_exit_code && !retry_until) return;
  if (!policy.max_retries) policy.max_retries = kDefaultRetries;

  std::string remove = "NumJobCompletions > JobMaxRetries || ExitCode =?= ";
  remove += policy.success_exit_code ? "JobSuccessExitCode" : "0";
  if (retry_until) {
    const bool exit_code = IsWholeNumber(*retry_until);
    remove += exit_code ? " || ExitCode =?= " + retry_until->text() : " || (" + retry_until->text() + ")";
  }
  if (policy.on_exit_remove) remove += " || (" + policy.on_exit_remove->text() + ")";
  const auto expr = ParseExpr(remove);
  if (expr) {
    policy.on_exit_remove = *expr;
  } else {
    Fail(queue_, "max_retries: " + expr.error().message());
  }
}

void JobBuilder::SetSchedule(Job& job) {
  job.hold = GetBool("hold").value_or(false);
  job.priority = static_cast<int>(GetInteger({"priority", "prio"}, INT_MIN, INT_MAX).value_or(0));
  job.requirements = GetExpr({"requirements"});
  const auto count = [&](Names names) -> std::optional<int> {
    const auto number = GetInteger(names, 1, INT_MAX);
    return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
  };
  job.max_materialize = count({"max_materialize"});
  job.max_idle = count({"max_idle", "materialize_max_idle"});
  job.skip_if_dataflow = GetBool("skip_if_dataflow").value_or(false);
}

void JobBuilder::SetNoop(Job& job) {
  const auto noop = Get({"noop_job"});
  const auto exit_code = GetInteger({"noop_job_exit_code"}, 0, 255);
  const auto signal = GetSignal("noop_job_exit_signal");
  if (!noop) return;
  auto truth = ParseBool(noop->text);
  if (!truth) {
    const auto expr = ParseExpr(noop->text);
    if (!expr) return Fail(noop->where, "noop_job: " + expr.error().message());
    truth = Truth(expr->Evaluate(MakeJobAd(job)));
  }
  if (!truth.value_or(false)) return;
  job.noop = signal ? ExitStatus{true, *signal} : ExitStatus{false, static_cast<int>(exit_code.value_or(0))};
}

void JobBuilder::SetDeferral(Job& job) {
  const auto time = GetExpr({"deferral_time"});
  const auto window = GetSeconds({"deferral_window"});
  GetSeconds({"deferral_prep_time"});  // how long before a machine is claimed: ours are here already
  if (time) job.deferral = Deferral{*time, window.value_or(std::chrono::seconds(0))};
}

std::optional<int> JobBuilder::GetSignal(std::string_view name) {
  const auto given = Get({name});
  if (!given) return std::nullopt;
  const auto signal = SignalNumber(given->text);
  if (!signal) Fail(given->where, std::string(name) + ": '" + given->text + "' is not a signal");
  return signal;
}

void JobBuilder::SetSignals(Job& job) {
  job.kill_signal = GetSignal("kill_sig").value_or(SIGTERM);
  job.remove_kill_signal = GetSignal("remove_kill_sig");
  job.hold_kill_signal = GetSignal("hold_kill_sig");
  job.kill_timeout = GetSeconds({"job_max_vacate_time", "kill_sig_timeout"});
  job.core_size_bytes = GetInteger({"core_size", "coresize"}, -1, INT64_MAX);
  job.stack_size_bytes = GetInteger({"stack_size"}, -1, INT64_MAX);
}

}  // namespace roost::dag
