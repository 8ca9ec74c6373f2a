# Two images. The one that is built unless another target is named has secret-injector and secret-sidecar, static,
# and nothing else: what other images copy from.
#
#     docker build --tag agent-secrets .
#
# Any image has secrets with two lines more:
#
#     COPY --from=agent-secrets /secret-injector /secret-sidecar /usr/local/bin/
#     ENTRYPOINT ["secret-injector", "--sidecar", "--"]
#
# The other one is the control plane, for a container with a read-only root and without capabilities
# (examples/compose/control-plane.yaml):
#
#     docker build --target control-plane --tag agent-secrets-control-plane .
ARG BUILD_IMAGE=debian:bookworm

# The compiler is the builder's own kind, whatever the image is for: the build cross-compiles.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
ARG TARGETARCH
# --allow-older, where the mirror lacks the newest source of a library.
ARG BUILD_OPTIONS
# Only the bill of materials tells it; the commits that script/release asks are not in the context.
ARG SOURCE_DATE_EPOCH=0
WORKDIR /source
COPY . .
RUN script/bootstrap --release \
 && architecture=${TARGETARCH:-$(dpkg --print-architecture)} \
 && SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH packaging/static/build $BUILD_OPTIONS "$architecture" \
 && mv "dist/$architecture" /programs

FROM ${BUILD_IMAGE} AS control-plane-build
WORKDIR /source
COPY . .
RUN script/bootstrap \
 && cmake --preset release --log-level=WARNING \
 && cmake --build --preset release --target secret-control-plane \
 && packaging/image/make-root build/release/control-plane/secret-control-plane /image \
 && script/check-hardening --shared /image/root/usr/bin/secret-control-plane

FROM scratch AS control-plane
COPY --from=control-plane-build /image/root/ /
# Owned by the user: a new volume that is mounted there gets the same owner.
COPY --from=control-plane-build --chown=10001:10001 /image/state/ /var/lib/agent-secrets/
COPY --from=control-plane-build --chown=10001:10001 /image/state/ /run/agent-secrets/
ENV PATH=/usr/bin
USER 10001:10001
# For `serve --listen unix:/run/agent-secrets/api.sock`, beside its other addresses.
HEALTHCHECK CMD ["secret-control-plane", "healthcheck", "unix:/run/agent-secrets/api.sock"]
ENTRYPOINT ["secret-control-plane"]

FROM scratch
COPY --from=build /programs/secret-injector /programs/secret-sidecar /
ENTRYPOINT ["/secret-injector"]
