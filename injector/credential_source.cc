#include "injector/credential_source.h"

#include <cstring>

#include <unistd.h>

#include "core/limits.h"
#include "injector/environment.h"
#include "injector/file.h"

namespace agent_secrets {
namespace {

std::string credential_path(const std::string& file_option, char** environment) {
  if (!file_option.empty()) return file_option;
  const char* path = find_variable(environment, kCredentialFileVariable);
  return path == nullptr ? "" : path;
}

Result<SecretFile> read_credential_file(const std::string& path, SecretSlab* slab, const Log& log) {
  auto file = read_file(path, limits::kCredential, slab);
  if (!file) {
    file.error().hint = "mount the credential there, readable by this user";
    return propagate(file, "credential");
  }
  if (is_readable_by_others(file->status)) {
    log.warning("the credential file can be read by other users: give it mode 0400",
                {{"path", path}});
  }
  return file;
}

}  // namespace

SecretBuffer take_variable(char** environment, std::string_view name) {
  SecretBuffer taken;
  // A variable can be present twice. The first counts, as for getenv(3), but all are wiped.
  const std::string prefix = std::string(name) + '=';
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, prefix.c_str(), prefix.size()) != 0) continue;
    char* const value = *entry + prefix.size();
    const std::size_t size = std::strlen(value);
    if (taken.empty()) taken = SecretBuffer::copy_of(std::string_view(value, size));
    wipe_memory(value, size);
  }
  return taken;
}

SecretBuffer take_credential_variable(char** environment) {
  return take_variable(environment, kCredentialVariable);
}

bool is_readable_by_others(const struct stat& file) {
  // This process can read a file of another user (of root, in a Kubernetes volume with fsGroup) by
  // its group.
  const mode_t others = file.st_uid == ::geteuid() ? S_IRGRP | S_IROTH : S_IROTH;
  return S_ISREG(file.st_mode) && (file.st_mode & others) != 0;
}

Result<LoadedCredential> load_credential(const std::string& file_option, char** environment,
                                         const SecretBuffer& variable, const Log& log,
                                         SecretSlab* slab) {
  if (const std::string path = credential_path(file_option, environment); !path.empty()) {
    auto file = read_credential_file(path, slab, log);
    if (!file) return propagate(file);
    auto credential = parse_agent_credential(file->text.expose_text(), slab);
    if (!credential) return propagate(credential, path);
    return LoadedCredential{
        .credential = std::move(*credential), .place = path, .file = file->status};
  }
  if (variable.empty()) {
    return fail(
        ErrorCode::invalid, "no credential is given",
        "give --env-file .env, --agent NAME, or an agent's credential: --credential-file FILE, or "
        "AGENT_SECRETS_CREDENTIAL in a container");
  }
  auto credential = parse_agent_credential(variable.expose_text(), slab);
  if (!credential) return propagate(credential, kCredentialVariable);
  return LoadedCredential{
      .credential = std::move(*credential), .place = std::string(kCredentialVariable), .file = {}};
}

}  // namespace agent_secrets
