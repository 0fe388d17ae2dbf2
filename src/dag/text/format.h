#pragma once

#include <cstdint>
#include <string>

namespace roost::dag {

/// printf's formats with one conversion, as $INT(), $REAL() and $STRING() take them: taken apart and checked,
/// since printf would believe any text. An empty format is the function's own. Throw Error.
std::string FormatInteger(std::int64_t value, const std::string& format);
std::string FormatReal(double value, const std::string& format);
std::string FormatText(const std::string& value, const std::string& format);

}  // namespace roost::dag
