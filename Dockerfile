# secret-injector and secret-sidecar, static, and nothing else: what other images copy from.
#
#     docker build --tag agent-secrets .
#
# Any image has secrets with two lines more:
#
#     COPY --from=agent-secrets /secret-injector /secret-sidecar /usr/local/bin/
#     ENTRYPOINT ["secret-injector", "--sidecar", "--"]
ARG BUILD_IMAGE=debian:bookworm

# The compiler is the builder's own kind, whatever the image is for: script/release cross-compiles.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
ARG TARGETARCH
WORKDIR /source
COPY . .
RUN architecture=${TARGETARCH:-$(dpkg --print-architecture)} \
 && AGENT_SECRETS_RELEASE_TESTS=no script/release "$architecture" \
 && mv "dist/$architecture" /programs

FROM scratch
COPY --from=build /programs/secret-injector /programs/secret-sidecar /
ENTRYPOINT ["/secret-injector"]
