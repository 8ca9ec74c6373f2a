#pragma once
// What the help of each command says beside its options: examples, exit codes, files.

#include "core/help/manual.h"

namespace agent_secrets::sidecar {

help::Notes notes_of_program();
help::Notes notes_of_run();
help::Notes notes_of_status();
help::Notes notes_of_wait_change();

}  // namespace agent_secrets::sidecar
