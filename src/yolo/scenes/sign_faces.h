#pragma once

#include <array>
#include <string_view>

#include "yolo/scenes/face.h"

namespace roost::yolo::scenes {

/// What is labelled, in the order of the class ids.
enum class SignKind { kStop, kDoNotEnter, kPedestrianCrossing, kYield };
inline constexpr std::array<std::string_view, 4> kSignNames{"stop sign", "do not enter",
                                                            "pedestrian crossing", "yield"};

/// A sign as it leaves the factory, one of its many looks. `scale`: pixels a unit.
Face MakeSign(SignKind kind, float scale, Random& random);

/// Signs, plates and boards that are not labelled but look like they could be.
enum class OtherKind {
  kSpeedLimit,
  kNoParking,
  kNoTurn,
  kParking,
  kInformation,
  kWarning,
  kWorks,
  kChevron,
  kOneWay,
  kStreetName,
  kBillboard,
  kRedDisc,
  kRedBoard,
  kBackOfSign,
  kPriority,
  kHexagon,
  kWarningTriangle,
  kClock,
};
inline constexpr int kOtherKinds = 18;
Face MakeOther(OtherKind kind, float scale, Random& random);

/// The plate below or above a sign: ALL WAY, an arrow, small print. Two units wide at most.
Face MakePlate(SignKind above, float scale, Random& random);

/// The reverse of a sign with this outline: bare metal.
Face MakeBack(const Points& outline, cv::Size2f half, float scale, Random& random);

}  // namespace roost::yolo::scenes
