#pragma once
// The doctor's step about `--file`: whether the files could be made. It makes no file at a path.

#include "injector/arrangement.h"
#include "injector/check_report.h"
#include "injector/path_file.h"

namespace agent_secrets {

// files: each --file, its variable and where the variable leads.
Step files_step(const Arrangement& arranged, const PathFileOptions& options);

}  // namespace agent_secrets
