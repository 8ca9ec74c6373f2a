#pragma once
// Like execvp(3), with two differences: PATH comes from the environment of the command, and a file
// that the kernel cannot execute (ENOEXEC) is an error. execvp would run such a file with /bin/sh,
// which some images do not have, and which would read an archive or a program for another machine
// as a script.

#include <string>
#include <vector>

namespace agent_secrets {

// The paths that execvp would try, in order: the command itself if it has a slash, else one path
// for each element of `search_path`. An empty element means the working directory. Without a PATH
// (nullptr) musl's default is used, "/usr/local/bin:/bin:/usr/bin", which contains glibc's default.
// Empty for an empty command.
std::vector<std::string> command_candidates(const std::string& command, const char* search_path);

struct FailedExec {
  int error_number;
  std::string path;  // the candidate of the error; empty if no candidate exists
};

// Returns only if no candidate could be executed. Of a single candidate it reports the error. In a
// search of several it continues, like execvp, after a missing file and
// after EACCES, and reports EACCES at the end; any other error ends the search. ENOENT with a path:
// that file exists, but the interpreter or loader that it names does not. argv and envp are
// NULL-terminated.
FailedExec exec_first(const std::vector<std::string>& candidates, char* const* argv,
                      char* const* envp);

}  // namespace agent_secrets
