#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "roost/base/files.h"

namespace roost::yolo {

/// The folder that the cut-outs of each class go into, by class id: its name, where that is fit to name a
/// folder and no other class has it. Otherwise '/' and control characters become '_', as does a dot in front,
/// long names are cut, and a number is added to the name of a class that is not the first of its name.
std::vector<std::string> CropFolders(const std::vector<std::string>& names, std::int64_t classes);

/// Names the files of --save-crop in a class's folder: "bus.jpg", "bus2.jpg", "bus3.jpg" for what was cut out
/// of bus.jpg, as detect.py. It counts on until a name is free; here a name depends on the list of inputs
/// only, so that a run taken up again gives the same names:
///
/// * where an input is called as the cut-outs of another would be (img1.jpg and img12.jpg), those of the
/// other
///   are counted behind '_' (img1.jpg, img1_2.jpg), or behind several where names contain that;
/// * of inputs with one stem (a.jpg, a.png) all but the first give their whole name (a.jpg, a.png.jpg,
///   a.png2.jpg).
///
/// No name is given twice.
class CropNames {
 public:
  /// All inputs of the run, in their order. A video is one input: its frames are counted on.
  explicit CropNames(const std::vector<Path>& inputs);

  /// Of the `number`-th cut-out, from 1, of one class from input `input` of the list.
  std::string NameOf(std::size_t input, std::int64_t number) const;

 private:
  struct Name {
    std::string base;
    bool is_ambiguous = false;  ///< another name is this one and digits
  };
  std::vector<Name> names_;
  std::string separator_;  ///< in no name
};

}  // namespace roost::yolo
