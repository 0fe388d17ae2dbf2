#pragma once

#include <string>
#include <string_view>

namespace roost::dag {

/// What dagrun makes of a submit command.
enum class CommandLevel {
  kNone,     ///< not a command of the submit language: a macro of the user's, or a typo
  kUsed,     ///< has its effect
  kIgnored,  ///< only means something to HTCondor's own scheduling, accounting or mail
  kRefused,  ///< the job could not do its work without it
};

CommandLevel LevelOf(std::string_view command);

/// " (did you mean 'output'?)" for a name near that of a command, or nothing.
std::string SuggestCommand(std::string_view name);

}  // namespace roost::dag
