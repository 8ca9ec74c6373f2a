#include "injector/fetch_bundle.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"
#include "core/request_proof.h"

namespace agent_secrets {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kNonceBytes = 18;
constexpr const char* kAnnouncementsName = "agent-secrets-keys";  // in lower case
constexpr std::size_t kErrorBody = 64 * 1024;
constexpr std::size_t kErrorCode = 64;
constexpr std::size_t kErrorSentence = 512;

// The body of a refusal of the control plane: {"error": sentence, "code": word}. A member is "" if
// it is missing or cannot be printed.
struct Explanation {
  std::string code;
  std::string sentence;
};

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

Explanation explanation_of(const HttpResponse& response) {
  JsonDocument document(response.body, kErrorBody);
  const JsonObject root = document.root();
  Explanation explanation{.code = std::string(root.optional_text("code", kErrorCode)),
                          .sentence = std::string(root.optional_text("error", kErrorSentence))};
  if (!document.finish()) return {};
  if (!is_word(explanation.code)) explanation.code.clear();
  if (!is_printable(explanation.sentence)) explanation.sentence.clear();
  return explanation;
}

struct Refusal {
  ErrorCode code;
  std::string what;
  std::string hint;
};

Refusal unauthorized(const HttpResponse& response, const Explanation& explanation,
                     const CredentialIdentity& identity) {
  const auto refusal = [](std::string what, std::string hint) {
    return Refusal{ErrorCode::unauthorized, std::move(what), std::move(hint)};
  };
  const std::string& code = explanation.code;
  if (code == "clock-skew") {
    return refusal("the clocks of this host and the control plane differ", "set this host's clock");
  }
  if (code == "wrong-audience") {
    return refusal(
        "the control plane does not go by the URL in the credential",
        "add " + identity.urls.front() + " to its URLs there: secret-control-plane public-url set");
  }
  if (code == "wrong-request" || code == "malformed") {
    return refusal("the request did not arrive as it was sent",
                   "look for a proxy in between that changes paths or the Authorization header");
  }
  if (code.empty()) {
    return refusal(response.peer + " wants another authorization than an instance's",
                   "check the URL in the credential, and proxies in between that ask for a login");
  }
  return refusal("the control plane does not accept credential " + identity.kid,
                 "issue a credential for agent '" + identity.agent + "' and mount it here");
}

// Only the code word of the instance API means that a credential is revoked or an agent deleted. A
// 403 without it comes from a firewall, and a 404 without it from another server.
Refusal refusal_of(const HttpResponse& response, const Explanation& explanation,
                   const CredentialIdentity& identity) {
  const std::string agent = "agent '" + identity.agent + "'";
  const bool is_ours = !explanation.code.empty();
  switch (response.status) {
    case 401:
      return unauthorized(response, explanation, identity);
    case 403:
      if (!is_ours) {
        return {ErrorCode::forbidden, response.peer + " forbids the request",
                "look for a proxy or firewall between here and the control plane"};
      }
      return {ErrorCode::forbidden,
              "credential " + identity.kid +
                  (explanation.code == "expired" ? " has expired" : " has been revoked"),
              "issue a new credential for " + agent + " and mount it here"};
    case 404:
      if (!is_ours) {
        return {ErrorCode::not_found, response.peer + " has no instance API at this path",
                "check the URL in the credential"};
      }
      return {ErrorCode::not_found, agent + " does not exist any more",
              "create the agent again, or stop starting instances of it"};
    case 409:  // no deployment, or a missing pinned version: the sentence names the cause
      return {ErrorCode::conflict,
              explanation.sentence.empty() ? agent + " has nothing to run" : explanation.sentence,
              "deploy the agent, then start this instance again"};
    default:
      return {ErrorCode::failed, "the answer of " + response.peer + " is no bundle",
              "check that the credential's URL is the instance API's"};
  }
}

Error refusal_error(const HttpResponse& response, const CredentialIdentity& identity) {
  const Explanation explanation = explanation_of(response);
  Refusal refusal = refusal_of(response, explanation, identity);
  const std::string code = explanation.code.empty() ? "" : ", " + explanation.code;
  return {.code = refusal.code,
          .message = fmt::format("{} (HTTP {}{})", refusal.what, response.status, code),
          .hint = std::move(refusal.hint)};
}

// "application/jose", with any parameters after it.
bool is_bundle_media_type(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return std::ranges::equal(type, kBundleMediaType, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
  });
}

// One fetch() with this instance's proof. Keeps the nonce of the last attempt, because the answer
// is for that attempt.
class Asker {
 public:
  Asker(Transport& transport, Clock& clock, const RandomFraction& random,
        const AgentCredential& credential, const std::string& instance_id,
        const RetryPolicy& policy, std::string_view target)
      : transport_(transport),
        clock_(clock),
        random_(random),
        credential_(credential),
        instance_id_(instance_id),
        policy_(policy),
        target_(target),
        end_(clock.monotonic() + policy.deadline) {}

  Result<HttpResponse> ask() {
    RetryPolicy policy = policy_;
    policy.deadline = end_ - clock_.monotonic();
    return fetch(
        transport_, clock_, random_, credential_.identity.urls,
        [this](const std::string& base_url) { return request(base_url); }, policy);
  }

  void set_server_time(seconds server_time) { clock_offset_ = server_time - now(); }
  [[nodiscard]] const std::string& nonce() const { return nonce_; }

 private:
  [[nodiscard]] seconds now() const { return std::chrono::floor<seconds>(clock_.unix_time()); }

  HttpRequest request(const std::string& base_url) {
    nonce_ = random_token(kNonceBytes);
    const ProofClaims claims{.audience = base_url,
                             .method = "GET",
                             .target = std::string(target_),
                             .issued_at = now() + clock_offset_,
                             .nonce = nonce_,
                             .report = {.instance_id = instance_id_}};
    return {.url = fmt::format("{}{}", base_url, target_),  // a base URL ends in no slash
            .headers = {"Authorization: " + make_request_proof(claims, credential_.identity.kid,
                                                               credential_.signing_key),
                        fmt::format("Accept: {}", kBundleMediaType)}};
  }

  Transport& transport_;
  Clock& clock_;
  const RandomFraction& random_;
  const AgentCredential& credential_;
  const std::string& instance_id_;
  const RetryPolicy& policy_;
  std::string_view target_;
  milliseconds end_;
  seconds clock_offset_{0};
  std::string nonce_;
};

Result<FetchedBundle> check(HttpResponse response, const CredentialIdentity& identity,
                            const std::string& nonce) {
  if (response.status != 200) return std::unexpected(refusal_error(response, identity));
  if (!is_bundle_media_type(response.header("content-type"))) {
    return fail(ErrorCode::failed,
                fmt::format("the answer of {} has another media type than a bundle", response.peer),
                "check that the credential's URL is the instance API's");
  }
  if (!response.header("content-encoding").empty()) {
    return fail(
        ErrorCode::failed,
        fmt::format("the answer of {} is encoded, and nobody asked for that", response.peer),
        "look for a proxy between here and the control plane that compresses answers");
  }
  std::string received = std::move(response.body);
  const std::string announcements = response.header(kAnnouncementsName);
  if (announcements.size() <= limits::kAnnouncements) {
    received = with_announcements(std::move(received), announcements);
  }
  auto verified = verify_bundle(received, identity);
  if (!verified) {
    if (verified.error().hint.empty()) {
      verified.error().hint = "look for a proxy in between that changes answers, or for an attack";
    }
    return propagate(verified);
  }
  if (verified->facts.nonce != nonce) {
    return fail(
        ErrorCode::untrusted, "verify bundle: the answer belongs to another request",
        "look for a proxy or cache between here and the control plane that replays answers");
  }
  return FetchedBundle{.text = std::move(received), .verified = std::move(*verified)};
}

}  // namespace

Result<FetchedBundle> fetch_bundle(Transport& transport, Clock& clock, const RandomFraction& random,
                                   const AgentCredential& credential,
                                   const std::string& instance_id, const RetryPolicy& policy,
                                   std::string_view target) {
  Asker asker(transport, clock, random, credential, instance_id, policy, target);
  auto response = asker.ask();
  if (response && response->status == 401 && explanation_of(*response).code == "clock-skew") {
    // The server's time is used only for the proof.
    if (const auto server_time = response->date()) {
      asker.set_server_time(*server_time);
      response = asker.ask();
    }
  }
  if (!response) return propagate(response, "fetch bundle");
  auto bundle = check(std::move(*response), credential.identity, asker.nonce());
  if (!bundle) return propagate(bundle, "fetch bundle");
  return bundle;
}

}  // namespace agent_secrets
