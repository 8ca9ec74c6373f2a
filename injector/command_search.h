#pragma once
// execvp(3), but for two things: PATH is that of the environment which the command gets, and a file
// that the kernel cannot execute (ENOEXEC) is an error. execvp would hand it to /bin/sh, which
// reads an archive or a program for another machine as a script, and which not every image has.

#include <string>
#include <vector>

namespace agent_secrets {

// What execvp would try, in order: the command itself if it has a slash, else one path for each
// element of `search_path`; an empty element means the working directory. Without a PATH (nullptr)
// musl's default is used, "/usr/local/bin:/bin:/usr/bin", which glibc's is a part of. Empty for an
// empty command.
std::vector<std::string> command_candidates(const std::string& command, const char* search_path);

struct FailedExec {
  int error_number;
  std::string path;  // the candidate that it was about; empty where no candidate is there
};

// Returns only when none could be executed. As execvp does, it goes on past what is not there and
// past EACCES, and reports EACCES at the end; anything else ends it. ENOENT with a path: that file
// is there, but the interpreter or loader that it names is not. argv and envp are NULL-terminated.
FailedExec exec_first(const std::vector<std::string>& candidates, char* const* argv,
                      char* const* envp);

}  // namespace agent_secrets
