#pragma once
// The command line of secret-control-plane, as the commands take it. It is declared in
// command-line/, which includes CLI11.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace agent_secrets::help {
struct Program;
}

namespace agent_secrets::control_plane {

// Exit codes, as --help documents them.
enum ExitCode {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitSetFailed = 3,     // set wait
  kExitWaitTimedOut = 4,  // set wait
};

struct DataOptions {
  std::string data_directory;
  std::string master_key_file;  // empty: AGENT_SECRETS_MASTER_KEY
};

struct InitOptions {
  DataOptions data;
  std::string organization;
  std::vector<std::string> public_urls;
  std::string ca_file;      // recorded for credentials; empty: none
  std::string region_name;  // as people see the first region; empty: its code
  std::string env_file;     // empty: agent-secrets.env beside the master key
};

struct ServeOptions {
  DataOptions data;
  std::string listen = "127.0.0.1:7710";
  std::string tls_certificate_file;
  std::string tls_key_file;
  std::vector<std::string> public_urls;
  bool allow_plain_http = false;
  int max_connections = 4096;
  std::string on_deploy;  // empty: none
  int on_deploy_timeout_s = 300;
};

struct PublicUrlShowOptions {
  DataOptions data;
  bool json = false;
};

struct PublicUrlSetOptions {
  DataOptions data;
  std::vector<std::string> urls;
  bool yes = false;  // also when live credentials break
};

struct AgentEventsOptions {
  DataOptions data;
  std::string organization;  // empty: the only one
  std::string agent;
  bool json = false;
};

struct AgentDeployNameOptions {
  DataOptions data;
  std::string organization;  // empty: the only one
  std::string agent;
};

struct TokenCreateOptions {
  DataOptions data;
  std::string organization;  // empty: the only one, or all of the user's
  std::string user;          // empty: the organization's own token
  std::string name;
  std::string role = "member";
};

struct TokenListOptions {
  DataOptions data;
  std::string organization;
  std::string user;
  bool json = false;
};

struct TokenRevokeOptions {
  DataOptions data;
  std::string organization;
  std::string user;
  std::string name;
};

struct OrganizationAddOptions {
  DataOptions data;
  std::string name;
  std::string display_name;
};

struct OrganizationRemoveOptions {
  DataOptions data;
  std::string name;
};

struct OrganizationListOptions {
  DataOptions data;
  bool json = false;
};

struct OrganizationAllowNameOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  bool remove = false;
};

struct OrganizationAllowedNamesOptions {
  DataOptions data;
  std::string organization;
  bool json = false;
};

struct UserAddOptions {
  DataOptions data;
  std::string name;
  std::string email;
};

struct UserRemoveOptions {
  DataOptions data;
  std::string name;
};

struct UserListOptions {
  DataOptions data;
  bool json = false;
};

struct MemberAddOptions {
  DataOptions data;
  std::string organization;
  std::string user;
  std::string role = "member";
};

struct MemberRemoveOptions {
  DataOptions data;
  std::string organization;
  std::string user;
};

struct ApiKeyCreateOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  std::string type;
};

struct ApiKeyListOptions {
  DataOptions data;
  std::string organization;
  bool json = false;
};

struct ApiKeyRevokeOptions {
  DataOptions data;
  std::string organization;
  std::string id;
};

struct CredentialIssueOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::vector<std::string> urls;
  std::string ca_file;      // empty: the recorded one
  bool system_ca = false;   // none, also when one is recorded
  std::string output_file;  // empty: standard output
};

struct CredentialCaOptions {
  DataOptions data;
  std::string file;     // empty: print the recorded one
  bool forget = false;  // record none
};

struct CredentialRegisterOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::string public_half_file;  // "-": standard input
  std::vector<std::string> urls;
  std::string ca_file;
  bool system_ca = false;
};

struct CredentialListOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  bool json = false;
};

struct CredentialRevokeOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::string kid;
};

struct FleetOptions {
  DataOptions data;
  std::string organization;
  std::string agent;                // empty: all
  std::string region;               // empty: all
  std::vector<std::string> forget;  // instance ids
  std::uint64_t older_than_s = 0;   // forget all that were not heard of for so long; 0: none
  bool json = false;
};

struct SetStatusOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  bool json = false;
};

struct SetWaitOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  std::uint64_t timeout_s = 60;
};

struct RegionAddOptions {
  DataOptions data;
  std::string code;
  std::string display_name;  // empty: its code
};

struct RegionRenameOptions {
  DataOptions data;
  std::string code;
  std::string display_name;
};

struct RegionRemoveOptions {
  DataOptions data;
  std::string code;
};

struct RegionListOptions {
  DataOptions data;
  bool json = false;
};

struct ImagePullSecretRenderOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  std::string format = "dockerconfigjson";
  std::string output_file;  // empty: standard output
  bool allow_pending = false;
};

using Command = std::variant<
    InitOptions, ServeOptions, TokenCreateOptions, TokenListOptions, TokenRevokeOptions,
    OrganizationAddOptions, OrganizationListOptions, OrganizationRemoveOptions,
    OrganizationAllowNameOptions, OrganizationAllowedNamesOptions, UserAddOptions, UserListOptions,
    UserRemoveOptions, MemberAddOptions, MemberRemoveOptions, ApiKeyCreateOptions,
    ApiKeyListOptions, ApiKeyRevokeOptions, CredentialIssueOptions, CredentialRegisterOptions,
    CredentialCaOptions, CredentialListOptions, CredentialRevokeOptions, FleetOptions,
    SetStatusOptions, AgentEventsOptions, AgentDeployNameOptions, SetWaitOptions, RegionAddOptions,
    RegionRenameOptions, RegionRemoveOptions, RegionListOptions, ImagePullSecretRenderOptions,
    PublicUrlShowOptions, PublicUrlSetOptions>;

// A command to run, or the exit code when there is nothing to run: help was printed, or what is
// wrong with the command line.
std::variant<Command, ExitCode> parse_options(int argc, char** argv);

// What --help, the man page and the completions are made from.
help::Program manual();

}  // namespace agent_secrets::control_plane
