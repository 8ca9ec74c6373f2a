// expected: constant expression

#include "control-plane/database/sql.h"

constexpr agent_secrets::control_plane::Sql kForbidden("SELECT ?1", "SELECT ?1, ?2");
