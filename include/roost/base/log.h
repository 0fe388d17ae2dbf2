#pragma once

#include <memory>
#include <string>

#include <spdlog/logger.h>

#include "roost/base/files.h"

namespace roost {

/// The diagnostic log, for whoever debugs tomorrow. Handed to those who log; floors 0 and 1 return instead.
using Logger = std::shared_ptr<spdlog::logger>;

/// Appends to `file` lines in DAGMan's form, "MM/DD/YY HH:MM:SS text". Warnings and errors are written at
/// once, others when some kilobytes have come together: whoever logs calls flush() about once a second.
/// Throws Error when the file cannot be opened.
Logger MakeFileLogger(const Path& file);

/// Writes "<program>: <level>: text" to stderr, from `level` up ("debug", "info", "warn", "error", "off").
Logger MakeStderrLogger(const std::string& program, const std::string& level = "warn");

/// Swallows everything: for tests, and where no log was asked for.
Logger MakeNullLogger();

}  // namespace roost
