#pragma once
// A region with one agent, as a credential and signed bundles: what tests of the instance side talk
// to. Nothing is stored; every call makes what it returns.
//
// Threads: one.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/credential.h"
#include "core/encoding.h"
#include "core/environment_block.h"
#include "core/json_reader.h"
#include "core/key_announcement.h"
#include "core/request_proof.h"
#include "core/test_bundle.h"
#include "tests/fakes/fake_transport.h"

namespace agent_secrets {

class FakeRegion {
 public:
  std::vector<std::string> urls{"https://region.test"};
  std::string agent = "phone";  // of the credential, as is `kid`
  std::string kid = "kid-1";
  BundleFacts facts{.organization = "acme",
                    .agent = "phone",
                    .deployment = "d-1",
                    .sequence = 42,
                    .recipient = "kid-1",
                    .sets = {{"voice", 3}},
                    .region = "us-west",
                    .issued_at = std::chrono::seconds(1'700'000'000),
                    .nonce = "nonce"};
  std::vector<EnvironmentPair> values{{"OPENAI_API_KEY", "canary-value"}};

  [[nodiscard]] CredentialIdentity identity() const {
    return {.urls = urls,
            .organization = "acme",
            .agent = agent,
            .kid = kid,
            .verification_keys = {{"region-1", region_key_.public_key()}},
            .ca_pem = ""};
  }
  [[nodiscard]] SecretBuffer credential_text() const {
    return agent_credential_text(identity(), seed_);
  }
  [[nodiscard]] AgentCredential credential() const {
    return parse_agent_credential(credential_text().expose_text()).value();
  }

  // A bundle of `facts` and `values`, with this nonce.
  [[nodiscard]] std::string bundle(std::string_view nonce = "nonce") const {
    BundleFacts answered = facts;
    answered.nonce = nonce;
    return make_bundle(answered, build_environment_block(values).value(),
                       credential_public_keys(seed_).box, signing_kid_,
                       announcement_.empty() ? region_key_ : newer_key_)
        .value();
  }
  // From now on another key signs, which the key in the credential has announced.
  void rotate() {
    signing_kid_ = "region-2";
    announcement_ = announce_key({.kid = signing_kid_, .key = newer_key_.public_key()}, "region-1",
                                 region_key_);
  }

  // A bundle with its announcement, as an instance keeps it.
  [[nodiscard]] std::string announced_bundle() const {
    return with_announcements(bundle(), announcement_);
  }

  // 200 with a bundle that answers the request's nonce.
  [[nodiscard]] HttpResponse answer(const HttpRequest& request) const {
    HttpResponse answer{.status = 200,
                        .headers = {{"content-type", std::string(kBundleMediaType)}},
                        .body = bundle(proof_claim(request, "jti"))};
    if (!announcement_.empty()) answer.headers["agent-secrets-keys"] = announcement_;
    return answer;
  }

  // A claim of the request's proof, unverified; numbers as text.
  static std::string proof_claim(const HttpRequest& request, std::string_view name) {
    for (const std::string& header : request.headers) {
      const std::size_t first = header.find('.');
      if (!header.starts_with("Authorization: ") || first == std::string::npos) continue;
      const std::size_t second = header.find('.', first + 1);
      const auto payload =
          base64url_decode(std::string_view(header).substr(first + 1, second - first - 1)).value();
      JsonDocument document(as_text(payload), payload.size());
      const JsonObject root = document.root();
      return name == "iat" ? std::to_string(root.integer(name))
                           : std::string(root.text(name, 4096));
    }
    return {};
  }

 private:
  static constexpr std::array<std::uint8_t, 32> seed_{1, 2, 3};
  static constexpr std::array<std::uint8_t, 32> region_seed_{4, 5, 6};
  static constexpr std::array<std::uint8_t, 32> newer_seed_{7, 8, 9};
  SigningKey region_key_ = SigningKey::from_seed(region_seed_);
  SigningKey newer_key_ = SigningKey::from_seed(newer_seed_);
  std::string signing_kid_ = "region-1";
  std::string announcement_;  // empty before rotate()
};

}  // namespace agent_secrets
