#pragma once
// The credentials of one registry as docker, podman and the kubelet read them: config.json, and a
// Kubernetes Secret of type kubernetes.io/dockerconfigjson. Pure functions.
//
// The three programs look up a registry under different keys. All of them find a host without
// scheme and path, with its port if it has one. For Docker Hub the key is the URL that docker
// writes; the other programs treat this URL as docker.io. Source: containers-auth.json(5);
// kubernetes.io, "Pull an Image from a Private Registry".

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

// "https://registry.example:5000/v2/" → "registry.example:5000". ErrorCode::invalid if it has no
// host.
Result<std::string> registry_key(std::string_view host);

// {"auths":{KEY:{"auth":…,"username":…,"password":…}}}. `credentials` is base64 of
// USERNAME:PASSWORD. ErrorCode::invalid for any other text: docker refuses a whole file that has
// one invalid entry.
Result<SecretBuffer> docker_config(std::string_view host, const SecretBuffer& credentials);

}  // namespace agent_secrets::control_plane
