#pragma once

#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace roost {

/// What a program of Roost ends with. Job wrappers and DAG files branch on these numbers (64 and up are
/// sysexits.h's), so they never change their meaning.
enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,         ///< the work could not be done
  kSomeUnusable = 3,   ///< done, but some inputs were unusable; the report names them
  kUsage = 64,         ///< wrong flags or arguments
  kBadData = 65,       ///< weights, DAG, YAML... that cannot be used
  kNoInput = 66,       ///< an input that is not there
  kCannotCreate = 73,  ///< output that cannot be created or written
  kTryAgain = 75,      ///< stopped early or a service is away: the same command may succeed later
  kPermission = 77,
};

/// One sentence for a person: names the file, line or job, says what is wrong; `hint` says what to do, when
/// we know. Thrown where the program cannot go on, carried in Result<T> where a loop should survive.
class Error : public std::exception {
 public:
  explicit Error(std::string message, ExitCode code = ExitCode::kFailed, std::string hint = {})
      : message_(std::move(message)), hint_(std::move(hint)), code_(code) {}

  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  ExitCode code() const { return code_; }

 private:
  std::string message_;
  std::string hint_;
  ExitCode code_;
};

/// An Error from errno: "cannot <action> '<path>': <reason>". The exit code follows from errno (ENOENT: no
/// input, EACCES: permission, ENOSPC and EROFS: cannot create).
Error ErrnoError(int error_number, std::string_view action, const std::filesystem::path& path);

/// A value, or the Error that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT: implicit on purpose, `return value;`
  Result(Error error) : state_(std::move(error)) {}  // NOLINT: implicit on purpose, `return Error{...};`

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  /// Throws the Error where there is no value.
  T& value() & { return ThrowIfError(), std::get<T>(state_); }
  const T& value() const& { return ThrowIfError(), std::get<T>(state_); }
  T&& value() && { return ThrowIfError(), std::get<T>(std::move(state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// Only where !ok().
  const Error& error() const { return std::get<Error>(state_); }

 private:
  void ThrowIfError() const {
    if (!ok()) throw std::get<Error>(state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose, `return Error{...};`

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const {
    if (error_) throw *error_;
  }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

/// Ends the program: a state that the code itself rules out. Prints file, line and `why` to stderr.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line, std::string_view why);

#define ROOST_CHECK(condition, why) \
  ((condition) ? void(0) : ::roost::CheckFailed(#condition, __FILE__, __LINE__, (why)))

/// Runs a program's `body`: what it throws is printed once to stderr as "<program>: <message>" and, where
/// there is one, a second line with the hint. Returns the exit status for `main`.
template <typename Body>
int RunMain(std::string_view program, Body&& body);

/// Prints `error` to stderr in the form that RunMain uses.
void PrintError(std::string_view program, const Error& error);

/// Opens /dev/null where stdin, stdout or stderr is closed, so that no file of ours gets its number and what
/// is said does not end up in it.
void OpenStandardStreams();

template <typename Body>
int RunMain(std::string_view program, Body&& body) {
  OpenStandardStreams();
  try {
    return static_cast<int>(body());
  } catch (const Error& error) {
    PrintError(program, error);
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    PrintError(program, Error(error.what()));
    return static_cast<int>(ExitCode::kFailed);
  }
}

}  // namespace roost
