#include "control-plane/catalog/image_reference.h"

#include <string>

#include "core/limits.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

const std::string kSha256 = "sha256:" + std::string(64, 'a');

}  // namespace

TEST_CASE("images that people deploy are image references") {
  for (const std::string& image : {
           std::string("bot"),
           std::string("bot:1"),
           std::string("python:3.12-slim-bookworm"),
           std::string("demo/bot:1"),
           std::string("docker.io/library/nginx:latest"),
           std::string("localhost:5000/x"),
           std::string("localhost/x:dev"),
           std::string("127.0.0.1:5000/team/bot:1.2"),
           std::string("Registry.Example.COM/team/bot:V1"),
           std::string("REGISTRY:5000/bot"),
           std::string("ghcr.io/pipecat-ai/bot__base.x-y--z:2024_01"),
           std::string("123456789012.dkr.ecr.us-west-2.amazonaws.com/bot:git-0a1b2c3"),
           std::string("europe-docker.pkg.dev/project-1/repo/bot"),
           "bot@" + kSha256,
           "registry.example/bot@" + kSha256,
           "registry.example:5000/bot:1@" + kSha256,
           "bot@sha512:" + std::string(128, '0'),
           "registry.example/" + std::string(200, 'a') + ":" + std::string(128, 't'),
       }) {
    INFO(image);
    CHECK(is_image_reference(image));
  }
}

TEST_CASE("an option, a command or a path is not an image reference") {
  for (const std::string& image : {
           std::string(),
           std::string("--privileged"),
           std::string("-v=/:/host"),
           std::string("-"),
           std::string("$(id)"),
           std::string("`id`"),
           std::string("bot;id"),
           std::string("bot|id"),
           std::string("bot&"),
           std::string("bot'"),
           std::string("bot\""),
           std::string("bot\\"),
           std::string("bot*"),
           std::string("~bot"),
           std::string("bot 1"),
           std::string("bot\n"),
           std::string("bot\0", 4),
           std::string("b\xc3\xb6t"),
           std::string("/bot"),
           std::string("bot/"),
           std::string("a//b"),
           std::string("../bot"),
           std::string("a/../b"),
           std::string("Bot"),
           std::string("team/Bot"),
           std::string("registry.example/Team/bot"),
           std::string("docker://bot"),
           std::string("https://registry.example/bot"),
           std::string("user@registry.example/bot"),
           std::string("registry.example:/bot"),
           std::string("registry.example:port/bot"),
           std::string("registry.example:123456/bot"),
           std::string("[::1]:5000/bot"),
           std::string("-registry.example/bot"),
           std::string("registry-.example/bot"),
           std::string("registry..Example/bot"),
           std::string("a___b"),
           std::string("a..b"),
           std::string("a._b"),
           std::string("bot:"),
           std::string("bot:-1"),
           std::string("bot:.1"),
           std::string("bot:1:2"),
           std::string("bot@"),
           std::string("bot@sha256"),
           std::string("bot@sha256:"),
           "bot@" + kSha256 + "g",
           "bot@" + kSha256 + "@" + kSha256,
           std::string("bot@sha256:abc"),
           "bot@:" + std::string(64, 'a'),
           "bot@sha--256:" + std::string(64, 'a'),
           "@" + kSha256,
           "bot:" + std::string(limits::kImageTagMax + 1, 't'),
           std::string(limits::kImageNameMax + 1, 'a'),
           "bot@sha512:" + std::string(limits::kImageDigestMax, '0'),
           std::string(100'000, 'a'),
       }) {
    INFO(image);
    CHECK_FALSE(is_image_reference(image));
  }
}

TEST_CASE("the registry of an image pull secret is a host, with or without scheme and path") {
  for (const char* host :
       {"ghcr.io", "https://ghcr.io", "https://index.docker.io/v1/", "localhost:5000",
        "http://127.0.0.1:5000/", "Registry.Example", "public.ecr.aws/x1y2", "registry/",
        "my_registry:5000", "http://[::1]:5000/"}) {
    INFO(host);
    CHECK(is_registry_host(host));
  }
  for (const std::string& host :
       {std::string(), std::string("/"), std::string("https://"), std::string("--flag"),
        std::string("ghcr.io;id"), std::string("ghcr.io/$(id)"), std::string("user:key@ghcr.io"),
        std::string("ghcr.io:/"), std::string("ftp://ghcr.io"), std::string("ghcr.io/?q"),
        std::string("ghcr.io x"), std::string("[]"), std::string("[::1]x"), std::string("[$(id)]"),
        "a" + std::string(limits::kRegistryHostMax, 'a')}) {
    INFO(host);
    CHECK_FALSE(is_registry_host(host));
  }
}

}  // namespace agent_secrets::control_plane
