#include "yolo/model/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "roost/base/error.h"
#include "roost/base/text.h"
#include "yolo/model/byte_reader.h"

namespace roost::yolo::pickle {
namespace {

// Limits. An unstripped YOLOv5x6 stays below a quarter of them; what is beyond is an attack or an accident.
constexpr std::size_t kMaxValues =
    1'000'000;  // made or copied in total, which bounds memory and time; yolov5n has 10000
constexpr std::size_t kMaxStack = 200'000;  // picklers write collections in pieces of 1000
constexpr std::size_t kMaxMarks = 10'000;   // Python's own recursion limit is 1000
constexpr std::size_t kMaxName = 1000;      // of a module or class
constexpr std::size_t kTextPerValue = 16;   // characters that cost as much as a value
constexpr std::uint64_t kMaxLine = 10'000;  // of the text forms: names, numbers, protocol 0 strings

constexpr int kNewestProtocol = 5;

// Opcodes: CPython's Lib/pickletools.py describes them.
enum Opcode : unsigned char {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kFloat = 'F',
  kInt = 'I',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kLong = 'L',
  kBinInt2 = 'M',
  kNone = 'N',
  kPersId = 'P',
  kBinPersId = 'Q',
  kReduce = 'R',
  kString = 'S',
  kBinString = 'T',
  kShortBinString = 'U',
  kUnicode = 'V',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kEmptyDict = '}',
  kAppends = 'e',
  kGet = 'g',
  kBinGet = 'h',
  kInst = 'i',
  kLongBinGet = 'j',
  kList = 'l',
  kEmptyList = ']',
  kObj = 'o',
  kPut = 'p',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kSetItems = 'u',
  kBinFloat = 'G',
  kProto = 0x80,
  kNewObj = 0x81,
  kExt1 = 0x82,
  kExt2 = 0x83,
  kExt4 = 0x84,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
  kNextBuffer = 0x97,
  kReadOnlyBuffer = 0x98,
};

/// What BINPUT and MEMOIZE remember. A file can name slot 2^32 - 1, so this is no plain array.
using Memo = std::unordered_map<std::uint64_t, Value>;

/// The stack machine that a pickle is a program for.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, ObjectBuilder& builder, Heap& heap)
      : reader_(bytes), builder_(builder), heap_(heap) {}

  Unpickled Run() {
    while (true) {
      const auto opcode = Number<unsigned char>();
      if (opcode == kStop) break;
      Execute(opcode);
    }
    const Value value = Pop();
    return {value, static_cast<std::size_t>(reader_.position())};
  }

 private:
  void Execute(unsigned char opcode);

  // Operands.
  [[noreturn]] void Fail(std::string_view what) const {
    throw Error(
        "its pickle is broken at byte " + std::to_string(reader_.position()) + ": " + std::string(what),
        ExitCode::kBadData);
  }
  template <typename T>
  T Need(std::optional<T> operand) const {
    if (!operand) Fail("it ends in the middle");
    return *operand;
  }
  template <typename T>
  T Number() {
    return Need(reader_.Number<T>());
  }
  template <typename Length>
  std::string_view Counted() {
    return Need(reader_.Text(Number<Length>()));
  }
  std::string_view Line() {
    const auto line = reader_.Line(kMaxLine);
    if (!line) Fail("a line has no end");
    return *line;
  }

  // Stack.
  void Charge(std::size_t values) {
    if (values > kMaxValues - charged_) Fail("it holds more values than any checkpoint does");
    charged_ += values;
  }
  void Push(Value value) {
    Charge(1);
    if (stack_.size() >= kMaxStack) Fail("it nests deeper than any checkpoint does");
    stack_.push_back(value);
  }
  /// Values below the last mark are out of reach, as in Python.
  std::size_t Floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Value Pop() {
    const Value value = Top();
    stack_.pop_back();
    return value;
  }
  const Value& Top() const {
    if (stack_.size() <= Floor()) Fail("it takes a value from an empty stack");
    return stack_.back();
  }
  std::vector<Value> PopToMark() {
    if (marks_.empty()) Fail("a mark is missing");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Value> values(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return values;
  }

  // Values.
  void PushText(std::string_view text) {
    if (!IsUtf8(text)) Fail("a text is not UTF-8");
    Push(text);
  }
  /// Strings of Python 2 are texts or bytes, nobody knows.
  void PushOldString(std::string_view text) {
    if (IsUtf8(text)) {
      Push(text);
    } else {
      Push(Bytes{text});
    }
  }
  void PushList(List::Kind kind, std::vector<Value> items) { Push(heap_.New(List{kind, std::move(items)})); }
  void PushTuple(std::size_t size) {
    std::vector<Value> items(size);
    for (std::size_t i = size; i-- > 0;) items[i] = Pop();
    PushList(List::Kind::kTuple, std::move(items));
  }
  void PushSymbol(std::string_view module, std::string_view name);
  void PushLong(std::string_view little_endian);
  void PushDecimal(std::string_view digits);
  std::string_view Unquote(std::string_view line) const;
  std::string_view Unescape(std::string_view text, bool unicode);

  /// A slot costs one byte of the file (MEMOIZE) and much more here.
  void Remember(std::uint64_t slot) {
    if (memo_.size() >= kMaxValues) Fail("it remembers more values than any checkpoint does");
    memo_[slot] = Top();
  }
  void Recall(std::uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) Fail("it uses memo slot " + std::to_string(slot) + ", which is not set");
    Push(found->second);
  }
  std::uint64_t SlotLine() {
    const auto slot = ParseInt(Line());
    if (!slot || *slot < 0) Fail("a memo slot is not a number");
    return static_cast<std::uint64_t>(*slot);
  }

  void Append(std::span<const Value> items, std::string_view to_what);
  void SetItems(std::span<const Value> keys_and_values);
  void Reduce();
  void NewObject(const Value& type);
  void Build();
  void Update(Object& object, const Value& state);

  ByteReader reader_;
  ObjectBuilder& builder_;
  Heap& heap_;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;  ///< stack heights
  Memo memo_;
  std::size_t charged_ = 0;
};

void Machine::Execute(unsigned char opcode) {
  switch (opcode) {
    case kProto:
      if (const int protocol = Number<unsigned char>(); protocol > kNewestProtocol) {
        Fail("protocol " + std::to_string(protocol) + " is unknown");
      }
      return;
    case kFrame:  // for readers of streams; only its promise is checked
      if (Number<std::uint64_t>() > reader_.left()) Fail("a frame reaches beyond its end");
      return;

    case kNone:
      return Push(std::monostate());
    case kNewTrue:
      return Push(true);
    case kNewFalse:
      return Push(false);
    case kBinInt:
      return Push(std::int64_t{Number<std::int32_t>()});
    case kBinInt1:
      return Push(std::int64_t{Number<std::uint8_t>()});
    case kBinInt2:
      return Push(std::int64_t{Number<std::uint16_t>()});
    case kLong1:
      return PushLong(Counted<std::uint8_t>());
    case kLong4: {
      const auto length = Number<std::int32_t>();
      if (length < 0) Fail("a length is negative");
      return PushLong(Need(reader_.Text(static_cast<std::uint64_t>(length))));
    }
    case kInt:
    case kLong:
      return PushDecimal(Line());
    case kBinFloat: {
      auto bytes = std::bit_cast<std::array<std::byte, 8>>(Number<std::uint64_t>());
      std::reverse(bytes.begin(), bytes.end());
      return Push(std::bit_cast<double>(bytes));
    }
    case kFloat: {
      const std::string_view line = Line();
      double value = 0;
      const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
      if (error != std::errc() || end != line.data() + line.size()) Fail("a number is not a number");
      return Push(value);
    }

    case kShortBinUnicode:
      return PushText(Counted<std::uint8_t>());
    case kBinUnicode:
      return PushText(Counted<std::uint32_t>());
    case kBinUnicode8:
      return PushText(Counted<std::uint64_t>());
    case kUnicode:
      return PushText(Unescape(Line(), true));
    case kString:
      return PushOldString(Unescape(Unquote(Line()), false));
    case kShortBinString:
      return PushOldString(Counted<std::uint8_t>());
    case kBinString: {
      const auto length = Number<std::int32_t>();
      if (length < 0) Fail("a length is negative");
      return PushOldString(Need(reader_.Text(static_cast<std::uint64_t>(length))));
    }
    case kShortBinBytes:
      return Push(Bytes{Counted<std::uint8_t>()});
    case kBinBytes:
      return Push(Bytes{Counted<std::uint32_t>()});
    case kBinBytes8:
    case kByteArray8:
      return Push(Bytes{Counted<std::uint64_t>()});

    case kMark:
      if (marks_.size() >= kMaxMarks) Fail("it nests deeper than any checkpoint does");
      marks_.push_back(stack_.size());
      return;
    case kPop:
      if (stack_.size() == Floor() && !marks_.empty()) {
        marks_.pop_back();
      } else {
        Pop();
      }
      return;
    case kPopMark:
      PopToMark();
      return;
    case kDup:
      return Push(Value(Top()));

    case kEmptyTuple:
      return PushList(List::Kind::kTuple, {});
    case kTuple1:
      return PushTuple(1);
    case kTuple2:
      return PushTuple(2);
    case kTuple3:
      return PushTuple(3);
    case kTuple:
      return PushList(List::Kind::kTuple, PopToMark());
    case kEmptyList:
      return PushList(List::Kind::kList, {});
    case kList:
      return PushList(List::Kind::kList, PopToMark());
    case kEmptySet:
      return PushList(List::Kind::kSet, {});
    case kFrozenSet:
      return PushList(List::Kind::kSet, PopToMark());
    case kAppend: {
      const Value item = Pop();
      return Append({&item, 1}, "APPEND");
    }
    case kAppends:
    case kAddItems:
      return Append(PopToMark(), opcode == kAppends ? "APPENDS" : "ADDITEMS");
    case kEmptyDict:
      return Push(heap_.New(Dict()));
    case kDict: {
      const std::vector<Value> items = PopToMark();
      Push(heap_.New(Dict()));
      return SetItems(items);
    }
    case kSetItem: {
      const Value value = Pop();
      const Value key = Pop();
      const std::array<Value, 2> item{key, value};
      return SetItems(item);
    }
    case kSetItems:
      return SetItems(PopToMark());

    case kGlobal: {
      const std::string_view module = Line();
      return PushSymbol(module, Line());
    }
    case kStackGlobal: {
      const Value name = Pop();
      const Value module = Pop();
      if (As<std::string_view>(name) == nullptr || As<std::string_view>(module) == nullptr) {
        Fail("a name is not a text");
      }
      return PushSymbol(*As<std::string_view>(module), *As<std::string_view>(name));
    }
    case kReduce:
      return Reduce();
    case kNewObjEx:
      Pop();  // keyword arguments
      [[fallthrough]];
    case kNewObj:
      Pop();  // arguments
      return NewObject(Pop());
    case kBuild:
      return Build();
    case kBinPersId:
      return Push(builder_.Resolve(Pop(), heap_));

    case kBinPut:
      return Remember(Number<std::uint8_t>());
    case kLongBinPut:
      return Remember(Number<std::uint32_t>());
    case kPut:
      return Remember(SlotLine());
    case kMemoize:
      return Remember(memo_.size());
    case kBinGet:
      return Recall(Number<std::uint8_t>());
    case kLongBinGet:
      return Recall(Number<std::uint32_t>());
    case kGet:
      return Recall(SlotLine());

    case kInst: {
      const std::string_view module = Line();
      throw Error("refusing " + Printable(module.substr(0, 60)) + "." + Printable(Line().substr(0, 60)) +
                      ": its pickle uses an opcode (INST) that no checkpoint needs",
                  ExitCode::kBadData);
    }
    case kObj:
      Fail("it uses an opcode (OBJ) that no checkpoint needs: refused");
    case kExt1:
    case kExt2:
    case kExt4:
      Fail("it uses an opcode (EXT) that no checkpoint needs: refused");
    case kPersId:
    case kNextBuffer:
    case kReadOnlyBuffer:
    default: {
      constexpr std::string_view kDigits = "0123456789abcdef";
      Fail(std::string("opcode 0x") + kDigits[opcode >> 4] + kDigits[opcode & 15] + " is unknown");
    }
  }
}

void Machine::PushSymbol(std::string_view module, std::string_view name) {
  for (const std::string_view part : {module, name}) {
    const bool plain = std::all_of(part.begin(), part.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (part.empty() || part.size() > kMaxName || !plain) Fail("a name holds characters that no name has");
  }
  Charge((module.size() + name.size()) / kTextPerValue);
  // Python 2's names for these, which pickles up to protocol 2 use.
  if (module == "__builtin__") module = "builtins";
  if (module == "copy_reg") module = "copyreg";
  Push(heap_.New(Symbol{std::string(module), std::string(name)}));
}

/// Two's complement, little endian, any length.
void Machine::PushLong(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const bool negative = !bytes.empty() && byte(bytes.size() - 1) >= 0x80;
  const unsigned char fill = negative ? 0xFF : 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i >= 8 && byte(i) != fill) return Push(BigInt());
    if (i < 8) {
      value &= ~(std::uint64_t{0xFF} << (8 * i));
      value |= std::uint64_t{byte(i)} << (8 * i);
    }
  }
  if ((static_cast<std::int64_t>(value) < 0) != negative) return Push(BigInt());
  Push(static_cast<std::int64_t>(value));
}

/// "12", "12L", and protocol 0's booleans "00" and "01".
void Machine::PushDecimal(std::string_view digits) {
  if (digits == "00" || digits == "01") return Push(digits == "01");
  if (digits.ends_with('L')) digits.remove_suffix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size() || error == std::errc::invalid_argument) {
    Fail("a number is not a number");
  }
  if (error == std::errc::result_out_of_range) return Push(BigInt());
  Push(value);
}

std::string_view Machine::Unquote(std::string_view line) const {
  const bool quoted = line.size() >= 2 && (line.front() == '\'' || line.front() == '"');
  if (!quoted || line.back() != line.front()) Fail("a text is not quoted");
  return line.substr(1, line.size() - 2);
}

/// Resolves the escapes of Python 2's repr(str), or with `unicode` of the raw-unicode-escape codec.
std::string_view Machine::Unescape(std::string_view text, bool unicode) {
  // Latin-1 and code points above it as UTF-8.
  const auto append_code_point = [](std::string& out, std::uint32_t code) {
    if (code < 0x80) {
      out.push_back(static_cast<char>(code));
      return;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr std::array<std::uint32_t, 4> kLead{0, 0xC0, 0xE0, 0xF0};
    out.push_back(static_cast<char>(kLead[static_cast<std::size_t>(more)] | (code >> (6 * more))));
    for (int i = more - 1; i >= 0; --i) {
      out.push_back(static_cast<char>(0x80 | (code >> (6 * i) & 0x3F)));
    }
  };
  std::string plain;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\' || text.empty()) {
      if (unicode) {
        append_code_point(plain, static_cast<unsigned char>(c));
      } else {
        plain.push_back(c);
      }
      continue;
    }
    const char kind = text.front();
    const std::size_t digits = unicode ? (kind == 'u' ? 4U : kind == 'U' ? 8U : 0U) : (kind == 'x' ? 2U : 0U);
    if (digits > 0) {
      if (text.size() <= digits) Fail("an escape in a text is cut off");
      std::uint32_t code = 0;
      const char* end = text.data() + 1 + digits;
      if (std::from_chars(text.data() + 1, end, code, 16).ptr != end || code > 0x10FFFF) {
        Fail("an escape in a text is not a character");
      }
      if (unicode) {
        append_code_point(plain, code);
      } else {
        plain.push_back(static_cast<char>(code));
      }
      text.remove_prefix(1 + digits);
    } else if (unicode) {
      plain.push_back('\\');
    } else {
      constexpr std::string_view kLetters = "ntr";
      constexpr std::string_view kMeanings = "\n\t\r";
      const auto known = kLetters.find(kind);
      plain.push_back(known == std::string_view::npos ? kind : kMeanings[known]);
      text.remove_prefix(1);
    }
  }
  return heap_.Text(std::move(plain));
}

void Machine::Append(std::span<const Value> items, std::string_view opcode) {
  const Value& target = Top();
  if (std::holds_alternative<Object*>(target)) return;  // of a class derived from list: opaque anyway
  const auto* list = std::get_if<List*>(&target);
  if (list == nullptr || (*list)->kind == List::Kind::kTuple) {
    Fail(std::string(opcode) + " to " + Describe(target));
  }
  (*list)->items.insert((*list)->items.end(), items.begin(), items.end());
}

void Machine::SetItems(std::span<const Value> keys_and_values) {
  if (keys_and_values.size() % 2 != 0) Fail("a key has no value");
  const Value& target = Top();
  if (std::holds_alternative<Object*>(target)) return;  // of a class derived from dict: opaque anyway
  const auto* dict = std::get_if<Dict*>(&target);
  if (dict == nullptr) Fail("it sets an item of " + Describe(target));
  for (std::size_t i = 0; i < keys_and_values.size(); i += 2) {
    (*dict)->items.emplace_back(keys_and_values[i], keys_and_values[i + 1]);
  }
}

std::size_t CostOfCopy(const Value& value) {
  if (const auto* list = Behind<List>(value)) return list->items.size();
  if (const auto* dict = Behind<Dict>(value)) return dict->items.size();
  if (const auto* symbol = Behind<Symbol>(value))
    return (symbol->module.size() + symbol->name.size()) / kTextPerValue;
  if (const auto* text = As<std::string_view>(value)) return text->size() / kTextPerValue;
  return 0;
}

void Machine::Reduce() {
  const Value arguments = Pop();
  const Value function = Pop();
  const auto* list = Behind<List>(arguments);
  if (list == nullptr) Fail("the arguments of a call are " + Describe(arguments));
  const auto* symbol = Behind<Symbol>(function);
  if (symbol == nullptr) {
    throw Error("refusing to call " + Describe(function), ExitCode::kBadData);
  }
  // A call may copy its arguments, and what is in them.
  Charge(list->items.size());
  for (const Value& argument : list->items) Charge(CostOfCopy(argument));
  Push(builder_.Call(*symbol, *list, heap_));
}

void Machine::NewObject(const Value& type) {
  const auto* symbol = Behind<Symbol>(type);
  if (symbol == nullptr) Fail("it makes an object of " + Describe(type));
  Push(heap_.New(Object{symbol, {}}));
}

void Machine::Build() {
  const Value state = Pop();
  const Value& target = Top();
  if (const auto* object = std::get_if<Object*>(&target)) {
    // Classes with __slots__ have two dictionaries.
    const auto* pair = Behind<List>(state);
    if (pair != nullptr && pair->kind == List::Kind::kTuple && pair->items.size() == 2) {
      for (const Value& part : pair->items) Update(**object, part);
    } else {
      Update(**object, state);
    }
    return;
  }
  // Attributes of an ordered dictionary (`_metadata` of a state_dict) or of a tensor: not needed.
  if (Behind<Dict>(target) == nullptr && Behind<TensorView>(target) == nullptr) {
    Fail("it sets the state of " + Describe(target));
  }
}

void Machine::Update(Object& object, const Value& state) {
  const auto* dict = Behind<Dict>(state);
  if (dict == nullptr) return;
  Charge(dict->items.size());
  object.state.items.insert(object.state.items.end(), dict->items.begin(), dict->items.end());
}

}  // namespace

const Value* Dict::Find(std::string_view key) const {
  const auto found = std::find_if(items.rbegin(), items.rend(), [&](const auto& item) {
    const auto* text = As<std::string_view>(item.first);
    return text != nullptr && *text == key;
  });
  return found == items.rend() ? nullptr : &found->second;
}

Unpickled Unpickle(std::span<const std::byte> bytes, ObjectBuilder& builder, Heap& heap) {
  return Machine(bytes, builder, heap).Run();
}

std::string Describe(const Value& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "None"; }
    std::string operator()(bool v) const { return v ? "True" : "False"; }
    std::string operator()(std::int64_t v) const { return "the number " + std::to_string(v); }
    std::string operator()(BigInt) const { return "a number beyond 64 bits"; }
    std::string operator()(double v) const { return "the number " + std::to_string(v); }
    std::string operator()(std::string_view v) const { return "'" + Printable(v.substr(0, 60)) + "'"; }
    std::string operator()(Bytes) const { return "bytes"; }
    std::string operator()(const List* v) const {
      switch (v->kind) {
        case List::Kind::kList:
          return "a list";
        case List::Kind::kTuple:
          return "a tuple";
        case List::Kind::kSet:
          return "a set";
      }
      return "a list";
    }
    std::string operator()(const Dict*) const { return "a dict"; }
    std::string operator()(const Object* v) const {
      return "an object of class " + v->type->FullName().substr(0, 120);
    }
    std::string operator()(const Symbol* v) const { return v->FullName().substr(0, 120); }
    std::string operator()(const StorageRef*) const { return "a storage"; }
    std::string operator()(const TensorView*) const { return "a tensor"; }
  };
  return std::visit(Visitor(), value);
}

}  // namespace roost::yolo::pickle
