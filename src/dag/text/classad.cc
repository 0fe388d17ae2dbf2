#include "roost/dag/classad.h"

namespace roost::dag {

struct ExprNode {};

}  // namespace roost::dag
