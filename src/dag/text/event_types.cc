#include "dag/text/event_types.h"

#include <algorithm>
#include <array>

namespace roost::dag {
namespace {

struct NamedType {
  EventType type;
  std::string_view name;
};

constexpr std::array kTypes = {
    NamedType{EventType::kSubmit, "ULOG_SUBMIT"},
    NamedType{EventType::kExecute, "ULOG_EXECUTE"},
    NamedType{EventType::kExecutableError, "ULOG_EXECUTABLE_ERROR"},
    NamedType{EventType::kEvicted, "ULOG_JOB_EVICTED"},
    NamedType{EventType::kTerminated, "ULOG_JOB_TERMINATED"},
    NamedType{EventType::kImageSize, "ULOG_IMAGE_SIZE"},
    NamedType{EventType::kShadowException, "ULOG_SHADOW_EXCEPTION"},
    NamedType{EventType::kGeneric, "ULOG_GENERIC"},
    NamedType{EventType::kAborted, "ULOG_JOB_ABORTED"},
    NamedType{EventType::kSuspended, "ULOG_JOB_SUSPENDED"},
    NamedType{EventType::kUnsuspended, "ULOG_JOB_UNSUSPENDED"},
    NamedType{EventType::kHeld, "ULOG_JOB_HELD"},
    NamedType{EventType::kReleased, "ULOG_JOB_RELEASED"},
    NamedType{EventType::kPostScriptTerminated, "ULOG_POST_SCRIPT_TERMINATED"},
    NamedType{EventType::kDisconnected, "ULOG_JOB_DISCONNECTED"},
    NamedType{EventType::kReconnected, "ULOG_JOB_RECONNECTED"},
    NamedType{EventType::kReconnectFailed, "ULOG_JOB_RECONNECT_FAILED"},
    NamedType{EventType::kJobAdInformation, "ULOG_JOB_AD_INFORMATION"},
    NamedType{EventType::kAttributeUpdate, "ULOG_ATTRIBUTE_UPDATE"},
    NamedType{EventType::kPreSkip, "ULOG_PRESKIP"},
    NamedType{EventType::kClusterSubmit, "ULOG_CLUSTER_SUBMIT"},
    NamedType{EventType::kClusterRemove, "ULOG_CLUSTER_REMOVE"},
    NamedType{EventType::kFactoryPaused, "ULOG_FACTORY_PAUSED"},
    NamedType{EventType::kFactoryResumed, "ULOG_FACTORY_RESUMED"},
    NamedType{EventType::kFileTransfer, "ULOG_FILE_TRANSFER"},
    NamedType{EventType::kDataflowSkipped, "ULOG_DATAFLOW_JOB_SKIPPED"},
};

}  // namespace

std::string_view EventName(EventType type) {
  const auto* found = std::ranges::find(kTypes, type, &NamedType::type);
  return found == kTypes.end() ? "ULOG_FUTURE_EVENT" : found->name;
}

std::optional<EventType> KnownEventType(int number) {
  const auto* found = std::ranges::find(kTypes, static_cast<EventType>(number), &NamedType::type);
  return found == kTypes.end() ? std::nullopt : std::optional(found->type);
}

}  // namespace roost::dag
