# One build, two images: --target coordinator and --target worker. `baton` is in both.

FROM swift:6.3-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# The versions are those of the Debian release that the base image names.
# hadolint ignore=DL3008
RUN apt-get -q update \
 && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends libpq-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The build folder outlives this step, so that a changed source does not compile all packages again. The Swift
# runtime is linked in: what the programs need beside it is libpq and what every Debian has. -s leaves out symbols.
RUN --mount=type=cache,id=baton-build,target=/src/.build,sharing=locked \
    mkdir -p /out \
 && for product in coordinator worker baton; do \
      swift build -c release --static-swift-stdlib -Xlinker -s --product "$product"; \
    done \
 && cp "$(swift build -c release --static-swift-stdlib -Xlinker -s --show-bin-path)"/{coordinator,worker,baton} /out/


FROM debian:bookworm-slim AS runtime
# tini is process 1: it passes signals on, and reaps what the programs of killed jobs leave behind.
# hadolint ignore=DL3008
RUN apt-get -q update \
 && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends ca-certificates tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin baton
WORKDIR /home/baton
ENTRYPOINT ["/usr/bin/tini", "--"]


FROM runtime AS coordinator
# hadolint ignore=DL3008
RUN apt-get -q update \
 && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends libpq5 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/coordinator /out/baton /usr/local/bin/
USER baton
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
  CMD baton health "http://127.0.0.1:${PORT:-8080}"
ENTRYPOINT ["/usr/bin/tini", "--", "coordinator"]


FROM runtime AS worker
# python3 is for the jobs of kind `exec`: put into this image, or one made from it, what yours need.
# hadolint ignore=DL3008
RUN apt-get -q update \
 && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/worker /out/baton /usr/local/bin/
COPY Examples/train /opt/baton/examples/train
USER baton
EXPOSE 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
  CMD baton health "http://127.0.0.1:${PORT:-8081}"
ENTRYPOINT ["/usr/bin/tini", "--", "worker"]
