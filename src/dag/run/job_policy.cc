#include "dag/run/job_policy.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace roost::dag {
namespace {

using std::chrono::seconds;

std::int64_t EpochSeconds(Clock::WallTime time) {
  return std::chrono::duration_cast<seconds>(time.time_since_epoch()).count();
}

/// Of a policy expression; nothing where it comes to neither true nor false.
std::optional<bool> Truth(const Expr& expr, const Ad& ad, std::int64_t now) {
  const Value value = expr.Evaluate(ad, nullptr, now);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number != 0;
  if (const auto* number = std::get_if<double>(&value)) return *number != 0;
  return std::nullopt;
}

bool IsTrue(const std::optional<Expr>& expr, const Ad& ad, std::int64_t now) {
  return expr && Truth(*expr, ad, now).value_or(false);
}

/// As HTCondor words it.
std::string Because(std::string_view attribute, const Expr& expr, std::string_view result) {
  return std::string("The job attribute ")
      .append(attribute)
      .append(" expression '")
      .append(expr.text())
      .append("' evaluated to ")
      .append(result);
}

/// What a hold expression that came true says of itself: the user's reason and subcode where there are any.
Verdict HoldBecause(std::string_view attribute, const Expr& expr, const std::optional<Expr>& reason,
                    const std::optional<Expr>& subcode, const Ad& ad, std::int64_t now) {
  Verdict verdict{
      .action = Verdict::Action::kHold, .reason = Because(attribute, expr, "TRUE"), .code = kHeldByPolicy};
  if (reason) {
    const Value text = reason->Evaluate(ad, nullptr, now);
    if (const auto* given = std::get_if<std::string>(&text); given != nullptr && !given->empty()) {
      verdict.reason = *given;
    }
  }
  if (subcode) {
    const Value number = subcode->Evaluate(ad, nullptr, now);
    if (const auto* given = std::get_if<std::int64_t>(&number)) verdict.subcode = static_cast<int>(*given);
  }
  return verdict;
}

void SetTime(Ad& ad, std::string_view name, Clock::WallTime time) {
  if (time != Clock::WallTime()) ad.Set(name, EpochSeconds(time));
}

}  // namespace

Ad QueuedJobAd(const Job& job, const JobHistory& history, JobStatus status, Clock::WallTime now) {
  Ad ad = MakeJobAd(job);
  ad.Set("JobStatus", static_cast<std::int64_t>(status));
  SetTime(ad, "QDate", history.submitted);
  SetTime(ad, "JobStartDate", history.first_start);
  SetTime(ad, "JobCurrentStartDate", history.start);
  SetTime(ad, "JobCurrentStartExecutingDate", history.start);
  SetTime(ad, "EnteredCurrentStatus", history.status_since);
  for (const char* name : {"NumJobStarts", "NumShadowStarts", "JobRunCount"}) {
    ad.Set(name, std::int64_t{history.starts});
  }
  ad.Set("NumJobCompletions", std::int64_t{history.completions});
  ad.Set("NumHolds", std::int64_t{history.holds});
  const std::int64_t running =
      status == JobStatus::kRunning ? EpochSeconds(now) - EpochSeconds(history.start) : 0;
  ad.Set("RemoteWallClockTime", static_cast<double>(history.ran.count() + running));
  if (history.status) {
    ad.Set("ExitBySignal", history.status->signaled);
    ad.Set(history.status->signaled ? "ExitSignal" : "ExitCode", std::int64_t{history.status->value});
  }
  if (const long used_kb = history.usage.max_rss_kb; used_kb > 0) {
    ad.Set("ImageSize", std::int64_t{used_kb});
    ad.Set("ResidentSetSize", std::int64_t{used_kb});
    ad.Set("MemoryUsage", std::int64_t{(used_kb + 1023) / 1024});
  }
  if (status == JobStatus::kHeld) {
    ad.Set("HoldReasonCode", std::int64_t{history.hold_code});
    ad.Set("HoldReasonSubCode", std::int64_t{history.hold_subcode});
    ad.Set("HoldReason", history.hold_reason);
  }
  return ad;
}

Verdict AtExit(const JobPolicy& policy, const Ad& ad, Clock::WallTime now_at) {
  const std::int64_t now = EpochSeconds(now_at);
  const auto undefined = [](std::string_view attribute, const Expr& expr) {
    return Verdict{.action = Verdict::Action::kHold,
                   .reason = Because(attribute, expr, "UNDEFINED"),
                   .code = kHeldPolicyUndefined};
  };
  if (policy.on_exit_hold) {
    const auto hold = Truth(*policy.on_exit_hold, ad, now);
    if (!hold) return undefined("OnExitHold", *policy.on_exit_hold);
    if (*hold) {
      return HoldBecause("OnExitHold", *policy.on_exit_hold, policy.on_exit_hold_reason,
                         policy.on_exit_hold_subcode, ad, now);
    }
  }
  if (policy.on_exit_remove) {
    const auto leaves = Truth(*policy.on_exit_remove, ad, now);
    if (!leaves) return undefined("OnExitRemove", *policy.on_exit_remove);
    if (!*leaves) {
      return {.action = Verdict::Action::kRequeue,
              .reason = Because("OnExitRemove", *policy.on_exit_remove, "FALSE")};
    }
  }
  return {};
}

Verdict Periodically(const JobPolicy& policy, const Ad& ad, JobStatus status, int hold_code,
                     Clock::WallTime now_at) {
  using Action = Verdict::Action;
  const std::int64_t now = EpochSeconds(now_at);
  const bool held = status == JobStatus::kHeld;
  if (!held && IsTrue(policy.periodic_hold, ad, now)) {
    return HoldBecause("PeriodicHold", *policy.periodic_hold, policy.periodic_hold_reason,
                       policy.periodic_hold_subcode, ad, now);
  }
  if (status == JobStatus::kRunning && IsTrue(policy.periodic_vacate, ad, now)) {
    return {.action = Action::kVacate, .reason = Because("PeriodicVacate", *policy.periodic_vacate, "TRUE")};
  }
  if (held && hold_code != kHeldByUser && IsTrue(policy.periodic_release, ad, now)) {
    return {.action = Action::kRelease,
            .reason = Because("PeriodicRelease", *policy.periodic_release, "TRUE")};
  }
  if (IsTrue(policy.periodic_remove, ad, now)) {
    return {.action = Action::kRemove, .reason = Because("PeriodicRemove", *policy.periodic_remove, "TRUE")};
  }
  return {};
}

std::optional<RunLimit> LimitOfRun(const JobPolicy& policy) {
  std::optional<RunLimit> limit;
  const auto consider = [&](const std::optional<seconds>& duration, const char* what, int code) {
    if (!duration || (limit && limit->duration <= *duration)) return;
    limit = {.duration = *duration,
             .verdict = {.action = Verdict::Action::kHold,
                         .reason = std::string("The job exceeded allowed ") + what + " duration of " +
                                   std::to_string(duration->count()) + " seconds",
                         .code = code}};
  };
  consider(policy.allowed_execute_duration, "execute", kHeldExecuteDuration);
  consider(policy.allowed_job_duration, "job", kHeldJobDuration);
  return limit;
}

}  // namespace roost::dag
