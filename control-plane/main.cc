// secret-control-plane: secret sets for agents, behind the API that the official Pipecat Cloud CLI
// speaks.
#include <cerrno>

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "control-plane/commands/agent.h"
#include "control-plane/commands/api_key.h"
#include "control-plane/commands/credential.h"
#include "control-plane/commands/fleet.h"
#include "control-plane/commands/image_pull_secret.h"
#include "control-plane/commands/init.h"
#include "control-plane/commands/organization.h"
#include "control-plane/commands/public_url.h"
#include "control-plane/commands/region.h"
#include "control-plane/commands/set_wait.h"
#include "control-plane/commands/token.h"
#include "control-plane/commands/user.h"
#include "control-plane/options.h"
#include "control-plane/serve.h"
#include "core/standard_streams.h"

namespace agent_secrets::control_plane {
namespace {

// The soft limit is often 1024, for programs that use select(2); connections need more.
Result<void> raise_descriptor_limit() {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    descriptors.rlim_cur = descriptors.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &descriptors) == 0) return {};
  }
  return fail(ErrorCode::failed, "raise the limit of open files: " + errno_message(errno));
}

// Values pass through this process: no core dump, no ptrace by others of the same user.
Result<void> harden_process() {
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail(ErrorCode::failed, "forbid core dumps: " + errno_message(errno));
  }
  if (auto raised = raise_descriptor_limit(); !raised) return raised;
  if (sodium_init() < 0) return fail(ErrorCode::failed, "libsodium does not initialise");
  return {};
}

struct Run {
  SystemClock& clock;

  Result<void> operator()(const InitOptions& options) const { return init(options, clock); }
  Result<void> operator()(const ServeOptions& options) const {
    return serve(options, clock,
                 Log::from_environment("secret-control-plane", LogLevel::info, LogFormat::json));
  }
  Result<void> operator()(const TokenCreateOptions& options) const {
    return create_token(options, clock);
  }
  Result<void> operator()(const TokenListOptions& options) const {
    return list_tokens(options, clock);
  }
  Result<void> operator()(const TokenRevokeOptions& options) const {
    return revoke_token(options, clock);
  }
  Result<void> operator()(const OrganizationAddOptions& options) const {
    return add_organization(options, clock);
  }
  Result<void> operator()(const OrganizationListOptions& options) const {
    return list_organizations(options, clock);
  }
  Result<void> operator()(const OrganizationRemoveOptions& options) const {
    return remove_organization(options, clock);
  }
  Result<void> operator()(const UserRemoveOptions& options) const {
    return remove_user(options, clock);
  }
  Result<void> operator()(const OrganizationAllowNameOptions& options) const {
    return allow_name(options, clock);
  }
  Result<void> operator()(const OrganizationAllowedNamesOptions& options) const {
    return list_allowed_names(options, clock);
  }
  Result<void> operator()(const UserAddOptions& options) const { return add_user(options, clock); }
  Result<void> operator()(const UserListOptions& options) const {
    return list_users(options, clock);
  }
  Result<void> operator()(const MemberAddOptions& options) const {
    return add_member(options, clock);
  }
  Result<void> operator()(const MemberRemoveOptions& options) const {
    return remove_member(options, clock);
  }
  Result<void> operator()(const ApiKeyCreateOptions& options) const {
    return create_api_key(options, clock);
  }
  Result<void> operator()(const ApiKeyListOptions& options) const {
    return list_api_keys(options, clock);
  }
  Result<void> operator()(const ApiKeyRevokeOptions& options) const {
    return revoke_api_key(options, clock);
  }
  Result<void> operator()(const CredentialIssueOptions& options) const {
    return issue_credential(options, clock);
  }
  Result<void> operator()(const CredentialRegisterOptions& options) const {
    return register_credential(options, clock);
  }
  Result<void> operator()(const CredentialCaOptions& options) const {
    return keep_credential_ca(options, clock);
  }
  Result<void> operator()(const CredentialListOptions& options) const {
    return list_credentials(options, clock);
  }
  Result<void> operator()(const CredentialRevokeOptions& options) const {
    return revoke_credential(options, clock);
  }
  Result<void> operator()(const FleetOptions& options) const { return show_fleet(options, clock); }
  Result<void> operator()(const SetStatusOptions& options) const {
    return show_set_status(options, clock);
  }
  Result<void> operator()(const AgentEventsOptions& options) const {
    return show_agent_events(options, clock);
  }
  Result<void> operator()(const AgentDeployNameOptions& options) const {
    return show_deploy_name(options, clock);
  }
  Result<ExitCode> operator()(const SetWaitOptions& options) const {
    return wait_for_set(options, clock);
  }
  Result<void> operator()(const RegionAddOptions& options) const {
    return add_region(options, clock);
  }
  Result<void> operator()(const RegionRenameOptions& options) const {
    return rename_region(options, clock);
  }
  Result<void> operator()(const RegionRemoveOptions& options) const {
    return remove_region(options, clock);
  }
  Result<void> operator()(const RegionListOptions& options) const {
    return list_regions(options, clock);
  }
  Result<void> operator()(const ImagePullSecretRenderOptions& options) const {
    return render_image_pull_secret(options, clock);
  }
  Result<void> operator()(const PublicUrlShowOptions& options) const {
    return show_public_urls(options, clock);
  }
  Result<void> operator()(const PublicUrlSetOptions& options) const {
    return set_public_urls(options, clock);
  }
};

// Most commands are done or failed; one has more to say.
Result<ExitCode> exit_code(Result<void> done) {
  if (!done) return propagate(done);
  return kExitOk;
}
Result<ExitCode> exit_code(Result<ExitCode> chosen) { return chosen; }

int run(int argc, char** argv) {
  auto parsed = parse_options(argc, argv);
  if (const auto* exit_code = std::get_if<ExitCode>(&parsed)) return *exit_code;
  auto done = exit_code(harden_process());
  SystemClock clock;
  if (done) {
    done = std::visit([&](const auto& options) { return exit_code(Run{clock}(options)); },
                      std::get<Command>(parsed));
  }
  if (done) return *done;
  write_last_words(describe("secret-control-plane", done.error()));
  return kExitFailed;
}

}  // namespace
}  // namespace agent_secrets::control_plane

int main(int argc, char** argv) { return agent_secrets::control_plane::run(argc, argv); }
