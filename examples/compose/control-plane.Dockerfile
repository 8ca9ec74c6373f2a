# The image of the control plane in replicas.yaml: secret-control-plane on Debian. The build context is this repository.
ARG BUILD_IMAGE=debian:bookworm

FROM ${BUILD_IMAGE} AS build
WORKDIR /source
COPY . .
RUN script/install /programs

FROM ${BUILD_IMAGE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libfmt9 libpq5 libprometheus-cpp-core1.0 libsimdjson14 libsodium23 libsqlite3-0 libssl3 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /programs/secret-control-plane /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["secret-control-plane"]
