#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace roost::yolo {

/// What a file that torch.save() did not write looks like: "an HTML page (a failed download?)".
std::string DescribeContent(std::span<const std::byte> bytes);

}  // namespace roost::yolo
