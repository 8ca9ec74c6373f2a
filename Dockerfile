# secret-injector and secret-sidecar, static, and nothing else: what other images copy from.
#
#     docker build --tag agent-secrets .
#
# Any image has secrets with two lines more:
#
#     COPY --from=agent-secrets /secret-injector /secret-sidecar /usr/local/bin/
#     ENTRYPOINT ["secret-injector", "--sidecar", "--"]
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

FROM scratch
COPY --from=build /programs/secret-injector /programs/secret-sidecar /
ENTRYPOINT ["/secret-injector"]
