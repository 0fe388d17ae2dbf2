#pragma once

#include <string_view>

namespace roost::yolo {

/// Whether a file is a JPEG of a few bytes that claims to be a huge picture. Decoders fill what is missing
/// with grey, so that such a file would cost minutes and gigabytes. Pictures of usual sizes that were cut
/// short, and files of other formats, are none of that.
bool IsJpegBomb(std::string_view bytes);

}  // namespace roost::yolo
