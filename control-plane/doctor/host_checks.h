#pragma once
// The doctor's checks of this host: modes of files, free disk space, the certificate's file.
//
// Threads: any; no state.

#include <chrono>
#include <string>

#include "control-plane/doctor/doctor.h"
#include "core/check_report.h"

namespace agent_secrets::control_plane {

// `files`: owners and modes of the data directory and the files in it, and of the TLS key.
Step check_files(const DoctorOptions& options);

// `disk`: of a data directory.
Step check_disk(const std::string& directory);

// `certificate`: the file of --tls-cert, with its key.
Step check_certificate_file(const DoctorOptions& options, std::chrono::seconds now);

// A certificate that ends soon, or has ended.
void judge_certificate_end(Step& step, std::chrono::seconds valid_until, std::chrono::seconds now);

}  // namespace agent_secrets::control_plane
