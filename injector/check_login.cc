#include "injector/check_login.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "injector/credential_source.h"
#include "injector/environment.h"

namespace agent_secrets {
namespace {

constexpr std::chrono::minutes kKeyOfCheck{5};

}  // namespace

Result<FoundLogin> find_login(const DevelopWish& wish, char** environment, const Log& log) {
  const SecretBuffer token = take_variable(environment, kCliTokenVariable);
  auto login = find_cli_login(environment, token, wish.organization, log);
  if (!login) return propagate(login);
  auto certificates = certificates_for_login(environment);
  if (!certificates) return propagate(certificates);
  return FoundLogin{.cli = std::move(*login), .certificates = std::move(*certificates)};
}

Step login_step(const FoundLogin& login) {
  const CliLogin& cli = login.cli;
  Step step{.name = "login"};
  step.detail = fmt::format("{}, {}, token of {}", cli.host,
                            cli.organization.empty() ? "the organization of the token"
                                                     : "organization " + cli.organization,
                            cli.place);
  step.facts = {{"host", cli.host},
                {"organization", cli.organization},
                {"source", cli.file ? "file" : "variable"},
                {"place", cli.place},
                {"own_ca", !login.certificates.empty()}};
  if (cli.file && is_readable_by_others(*cli.file)) {
    step.warn("other users can read the file", "give it mode 0600");
  }
  return step;
}

Result<AgentCredential> register_for_check(Transport& transport, Clock& clock,
                                           const FoundLogin& login, DevelopWish wish,
                                           const std::string& label, RetryPolicy policy) {
  wish.lifetime = std::min<std::chrono::seconds>(wish.lifetime, kKeyOfCheck);
  policy.rounds = 1;
  return register_key(transport, clock, random_fraction, login.cli, wish, label, policy);
}

Step register_step(const AgentCredential& credential) {
  const CredentialIdentity& identity = credential.identity;
  return {.name = "register",
          .detail =
              fmt::format("{} of agent {}/{}", identity.kid, identity.organization, identity.agent),
          .facts = {{"kid", identity.kid},
                    {"organization", identity.organization},
                    {"agent", identity.agent},
                    {"urls", identity.urls}}};
}

}  // namespace agent_secrets
