#pragma once

#include <string>
#include <vector>

#include "roost/dag/classad.h"

namespace roost::dag {

enum class ExprOp {
  kOr,
  kAnd,
  kBitOr,
  kBitXor,
  kBitAnd,
  kEqual,
  kNotEqual,
  kIs,
  kIsnt,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kShiftLeft,
  kShiftRight,
  kShiftRightUnsigned,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kNot,
  kBitNot,
  kPlus,
  kMinus,
};

/// One node of a parsed expression. Which of the fields count follows from `kind`.
struct ExprNode {
  enum class Kind {
    kLiteral,      ///< value
    kAttribute,    ///< scope, name
    kUnary,        ///< op, one child
    kBinary,       ///< op, two children
    kConditional,  ///< a ? b : c
    kElvis,        ///< a ?: b
    kCall,         ///< name, arguments
    kList,         ///< elements
    kSubscript,    ///< list[index]
    kSelect,       ///< child.name, where the child is neither MY nor TARGET
    kRecord,       ///< [a = 1; ...]; only its elements' texts were checked
  };
  enum class Scope { kNone, kMy, kTarget };

  Kind kind = Kind::kLiteral;
  ExprOp op = ExprOp::kOr;
  Scope scope = Scope::kNone;
  int height = 1;  ///< of the tree below, this node included
  Value value;
  std::string name;
  std::vector<ExprNode> children;
};

}  // namespace roost::dag
