#include "injector/develop.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sodium.h>

#include "core/encoding.h"
#include "core/find_variable.h"
#include "core/json_reader.h"
#include "core/limits.h"
#include "core/printable.h"
#include "core/public_half.h"
#include "injector/file.h"

namespace agent_secrets {
namespace {

constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kErrorBody = 64uz * 1024;
constexpr std::size_t kErrorSentence = 1024;
constexpr std::size_t kCertificates = 4uz * 1024 * 1024;

constexpr const char* kNotOurs =
    "check PIPECAT_API_HOST: it is the URL of your secret-control-plane, without a path";

// The names of agents and organizations. They become a part of a URL, where others would need
// escapes.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::kWireName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

Result<std::string> registration_path(const CliLogin& login, const std::string& agent) {
  if (!is_name(agent)) {
    return fail(ErrorCode::invalid,
                fmt::format("'{}' is not the name of an agent", printable(agent)));
  }
  // Without an organization, that of the token.
  if (login.organization.empty()) return fmt::format("/v1/agents/{}/credentials", agent);
  if (!is_name(login.organization)) {
    return fail(ErrorCode::invalid, fmt::format("'{}' is not the name of an organization",
                                                printable(login.organization)));
  }
  return fmt::format("/v1/organizations/{}/services/{}/credentials", login.organization, agent);
}

std::string registration_body(const PublicHalf& half, const DevelopWish& wish,
                              const std::string& label) {
  boost::json::object body{{"kid", half.kid},
                           {"signing_key", base64url_encode(half.keys.signing)},
                           {"box_key", base64url_encode(half.keys.box)},
                           {"purpose", "develop"},
                           {"expiresIn", wish.lifetime.count()}};
  if (!label.empty() && is_plain_text(label)) body.emplace("label", label);
  return boost::json::serialize(body);
}

// The control plane's sentence, or "".
std::string sentence_of(const HttpResponse& response) {
  JsonDocument document(response.body, kErrorBody);
  const std::string sentence(document.root().optional_text("error", kErrorSentence));
  return document.finish() ? printable(sentence) : std::string();
}

struct Refusal {
  ErrorCode code;
  std::string what;
  std::string hint;
};

Refusal refusal_of(const HttpResponse& response, const DevelopWish& wish) {
  std::string sentence = sentence_of(response);
  const auto told = [&](ErrorCode code, const char* hint) {
    return sentence.empty()
               ? Refusal{ErrorCode::failed,
                         response.peer + " does not answer as a secret-control-plane does",
                         kNotOurs}
               : Refusal{code, std::move(sentence), hint};
  };
  switch (response.status) {
    case 400:
      return told(ErrorCode::invalid, "set PIPECAT_ORG, or see secret-injector --help");
    case 401:
      return {ErrorCode::unauthorized, response.peer + " does not accept the token",
              "log in again with the official CLI, or set another PIPECAT_TOKEN"};
    case 403:
      return told(ErrorCode::forbidden, "ask an admin of the organization");
    case 404:
      if (sentence == "Service not found") {
        return {ErrorCode::not_found, fmt::format("there is no agent '{}'", wish.agent),
                "look at the names: pipecat cloud agent list"};
      }
      return {ErrorCode::not_found, response.peer + " has no secret-control-plane at this path",
              kNotOurs};
    case 409:
      return told(ErrorCode::conflict, "start this command again");
    default:
      return {ErrorCode::failed, response.peer + " does not answer as a secret-control-plane does",
              kNotOurs};
  }
}

Error refusal_error(const HttpResponse& response, const DevelopWish& wish) {
  Refusal refusal = refusal_of(response, wish);
  return {.code = refusal.code,
          .message = fmt::format("{} (HTTP {})", refusal.what, response.status),
          .hint = std::move(refusal.hint)};
}

Result<CredentialIdentity> identity_of(const HttpResponse& response, const DevelopWish& wish,
                                       const CliLogin& login, std::string_view kid) {
  if (response.status != 201) return std::unexpected(refusal_error(response, wish));
  auto identity = parse_identity(response.body);
  if (!identity) {
    return fail(ErrorCode::failed,
                response.peer + " does not answer as a secret-control-plane does", kNotOurs);
  }
  if (identity->kid != kid || identity->agent != wish.agent) {
    return fail(ErrorCode::untrusted, "the answer is for another key or another agent",
                "look for a proxy in between that replays answers");
  }
  // The URL that this host has just used is tried first, if agents may use it.
  std::ranges::stable_partition(identity->urls,
                                [&](const std::string& url) { return url == login.host; });
  return identity;
}

// The token would be readable on the way, so no option allows plain http here.
Error without_plain_http(Error error, const CliLogin& login) {
  if (error.code == ErrorCode::invalid && login.host.starts_with("http://")) {
    error.hint = "use https:// in PIPECAT_API_HOST: others on the network could read the token";
  }
  return error;
}

// A request has one copy of the token, in ordinary memory; libcurl makes others. The exec that
// follows gives the memory back, and nothing can inspect this process before (protection.h).
HttpRequest request_to(const std::string& url, const CliLogin& login, const std::string& body) {
  return {.url = url,
          .headers = {fmt::format("Authorization: Bearer {}", login.token.expose_text()),
                      "Content-Type: application/json", "Accept: application/json"},
          .body = body};
}

}  // namespace

Result<AgentCredential> register_key(Transport& transport, Clock& clock,
                                     const RandomFraction& random, const CliLogin& login,
                                     const DevelopWish& wish, const std::string& label,
                                     const RetryPolicy& policy, SecretSlab* slab) {
  auto path = registration_path(login, wish.agent);
  if (!path) return propagate(path);
  SecretBuffer seed = take_or_allocate(slab, kSeedBytes);
  randombytes_buf(seed.expose().data(), kSeedBytes);
  const auto seed_bytes =
      std::span<const std::uint8_t, kSeedBytes>(std::as_const(seed).expose().first<kSeedBytes>());
  const PublicHalf half = public_half_of(seed_bytes);
  const std::string body = registration_body(half, wish, label);
  auto response = fetch(
      transport, clock, random, {login.host},
      [&](const std::string& base_url) { return request_to(base_url + *path, login, body); },
      policy);
  if (!response) return std::unexpected(without_plain_http(std::move(response.error()), login));
  auto identity = identity_of(*response, wish, login, half.kid);
  if (!identity) return propagate(identity);
  return make_agent_credential(std::move(*identity), seed_bytes, slab);
}

Result<std::string> certificates_for_login(char** environment) {
  const char* path = find_variable(environment, "SSL_CERT_FILE");
  if (path == nullptr || *path == '\0') return std::string();
  auto file = read_file(path, kCertificates);
  if (!file) return propagate(file, "SSL_CERT_FILE");
  return std::string(file->text.expose_text());
}

}  // namespace agent_secrets
