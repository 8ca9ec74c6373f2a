#pragma once
// The credentials of one registry as docker, podman and the kubelet read them: config.json, and a
// Kubernetes Secret of type kubernetes.io/dockerconfigjson. Pure functions.
//
// The three look a registry up under different keys. A bare host, with its port if it has one, is
// what all of them find; of Docker Hub it is the URL that docker itself writes, which the others
// know for docker.io. Source: containers-auth.json(5); kubernetes.io, "Pull an Image from a Private
// Registry".

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

// "https://registry.example:5000/v2/" → "registry.example:5000". ErrorCode::invalid for no host.
Result<std::string> registry_key(std::string_view host);

// {"auths":{KEY:{"auth":…,"username":…,"password":…}}}. `credentials` is base64 of
// USERNAME:PASSWORD. ErrorCode::invalid when it is not: docker refuses a whole file for one such
// entry.
Result<SecretBuffer> docker_config(std::string_view host, const SecretBuffer& credentials);

}  // namespace agent_secrets::control_plane
