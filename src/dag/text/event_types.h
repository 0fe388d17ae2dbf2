#pragma once

#include <optional>

#include "roost/dag/event_log.h"

namespace roost::dag {

/// The type that has this number, or nothing where we do not know it.
std::optional<EventType> KnownEventType(int number);

}  // namespace roost::dag
