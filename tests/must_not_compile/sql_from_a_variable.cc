// expected: constant expression

#include "control-plane/database/sql.h"

agent_secrets::control_plane::Sql forbidden(const char* text) { return text; }
