#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace roost::yolo {

/// Writes a Python pickle of protocol 2, the one torch.save() uses, piece by piece. Each call pushes one
/// value or closes one that was begun: Begin...() and End...() nest.
class PickleWriter {
 public:
  PickleWriter();

  void None() { out_ += 'N'; }
  void Bool(bool value) { out_ += value ? '\x88' : '\x89'; }
  void Int(std::int64_t value);
  void Double(double value);
  /// Bytes that are not UTF-8, which Python would refuse to read, become '?'.
  void Text(std::string_view text);
  /// A class or function by its name, which is written down once. Throws Error (bad data) where that is not
  /// letters, digits, '_' and '.': other characters could end the name and begin something else.
  void Global(std::string_view module, std::string_view name);

  void BeginTuple() { out_ += '('; }
  void EndTuple() { out_ += 't'; }
  void BeginList() { out_ += "]("; }
  void EndList() { out_ += 'e'; }
  /// Keys and values in turn.
  void BeginDict() { out_ += "}("; }
  void EndDict() { out_ += 'u'; }
  /// A dict that remembers its order (of class collections.OrderedDict); EndDict() closes it.
  void BeginOrderedDict();

  /// Calls the function below the tuple on top.
  void Call() { out_ += 'R'; }
  /// Makes an object of the class on top, without arguments. Build() gives it what is in the dict that
  /// follows.
  void NewObject() { out_ += ")\x81"; }
  void Build() { out_ += 'b'; }
  /// What the tuple on top names for the reader.
  void PersistentId() { out_ += 'Q'; }

  /// Gives the value on top a number, by which Recall() pushes it again.
  std::uint32_t Remember();
  void Recall(std::uint32_t number);

  /// The whole pickle. Nothing may follow.
  std::string Finish();

 private:
  std::string out_;
  std::uint32_t remembered_ = 0;
  std::map<std::pair<std::string, std::string>, std::uint32_t> globals_;
};

}  // namespace roost::yolo
