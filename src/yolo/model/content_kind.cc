#include "yolo/model/content_kind.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "roost/base/text.h"

namespace roost::yolo {

std::string DescribeContent(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.empty()) return "empty";

  struct Known {
    std::string_view magic;
    std::size_t offset;
    std::string_view what;
  };
  constexpr std::array kKnown = {
      Known{"version https://git-lfs", 0, "a git-lfs pointer, not the file itself: run 'git lfs pull'"},
      Known{"ustar", 257, "a tar archive (torch before 2017 wrote those): save it again with a newer torch"},
      Known{"\x1f\x8b", 0, "a gzip file: unpack it first"},
      Known{"BZh", 0, "a bzip2 file: unpack it first"},
      Known{"\xfd"
            "7zXZ",
            0, "an xz file: unpack it first"},
      Known{"\x28\xb5\x2f\xfd", 0, "a zstd file: unpack it first"},
      Known{"7z\xbc\xaf", 0, "a 7z archive: unpack it first"},
      Known{"Rar!", 0, "a RAR archive: unpack it first"},
      Known{"\x89PNG", 0, "a PNG picture"},
      Known{"\xff\xd8\xff", 0, "a JPEG picture"},
      Known{"RIFF", 0, "a RIFF file (a WebP picture or AVI video)"},
      Known{"ftyp", 4, "an MP4 video"},
      Known{"\x7f"
            "ELF",
            0, "an ELF program or library"},
      Known{"\x89HDF", 0, "an HDF5 file"},
      Known{"GGUF", 0, "a GGUF file"},
      Known{"%PDF", 0, "a PDF document"},
      Known{"\x93NUMPY", 0, "a NumPy array"},
      Known{"PK", 0, "a damaged zip archive"},
      Known{"\x80", 0, "a Python pickle, but not one that torch.save() wrote"},
  };
  for (const Known& known : kKnown) {
    if (text.size() >= known.offset && text.substr(known.offset).starts_with(known.magic)) {
      return std::string(known.what);
    }
  }

  constexpr std::size_t kEnoughToTell = 4096;
  const std::string_view start = text.substr(0, kEnoughToTell);
  const std::string lower = ToLower(Trim(start));
  if (lower.starts_with("<!doc") || lower.starts_with("<html") || lower.starts_with("<head")) {
    return "an HTML page (a failed download?)";
  }
  if (lower.starts_with("<?xml")) return "an XML document (a failed download?)";
  const auto is_text = [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\r' || c == '\t';
  };
  if (start.find_first_not_of('\0') == std::string_view::npos) {
    return "nothing but zero bytes at its start (an interrupted download or copy?)";
  }
  // Where the start was cut off, its last character may be broken.
  const bool whole = start.size() < kEnoughToTell;
  if (std::all_of(start.begin(), start.end(), is_text) && (!whole || IsUtf8(start))) {
    return "a text file: '" + Printable(Trim(start).substr(0, 40)) + "'...";
  }
  return "not a file that torch.save() wrote";
}

}  // namespace roost::yolo
