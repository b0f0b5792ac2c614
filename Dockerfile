# Every image of Hubbub, by one pattern. Needs BuildKit. Context: the repository's root.
#   docker build --build-arg SERVICE=edge -t hubbub/edge .        (edge, history, presence, notify, directory)
#   docker build --target nginx -t hubbub/nginx .                 nginx with the page
#   docker build --target hubbub -t hubbub/hubbub .               all of Hubbub in one process
# Arguments for builds without the Internet: base images come from REGISTRY and DISTROLESS, modules
# and packages from GOPROXY, GOSUMDB and NPM_REGISTRY. HTTP_PROXY, HTTPS_PROXY and NO_PROXY have
# their usual meaning. CA is the text of certificates (PEM) that the build trusts in addition.
# `infra/airgap/images.sh` makes the base images from Debian packages. VERSION, COMMIT and DATE go
# into --version and the labels; nothing else makes two builds of a commit differ.
ARG REGISTRY=
ARG DISTROLESS=gcr.io/distroless/

FROM --platform=$BUILDPLATFORM ${REGISTRY}golang:1.26-bookworm AS go
ARG GOPROXY=https://proxy.golang.org,direct
ARG GOSUMDB=sum.golang.org
ARG CA=
ENV GOWORK=off CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOTOOLCHAIN=local
RUN [ -z "$CA" ] || printf '%s\n' "$CA" >>/etc/ssl/certs/ca-certificates.crt
WORKDIR /src
COPY libs/ libs/
COPY services/ services/

FROM go AS build
ARG SERVICE=edge
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=
ARG COMMIT=
ARG DATE=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    cd services/$SERVICE && GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/hubbub-service \
    -ldflags="-s -w -X hubbub.internal/libs/buildinfo.version=$VERSION -X hubbub.internal/libs/buildinfo.commit=$COMMIT -X hubbub.internal/libs/buildinfo.date=$DATE" \
    ./cmd/$SERVICE && touch -d @0 /out/hubbub-service

FROM --platform=$BUILDPLATFORM ${REGISTRY}node:22-bookworm-slim AS page
ARG NPM_REGISTRY=https://registry.npmjs.org/
ARG CA=
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/build-ca.pem
# Node.js has certificates of its own; this adds those of the base image.
RUN mkdir -p /etc/ssl && { cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; printf '%s\n' "$CA"; } >/etc/ssl/build-ca.pem
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund --registry="$NPM_REGISTRY"
COPY web/ ./
# COPY gives a folder that it creates the time of the build, and keeps the time of one that it
# copies.
RUN npm run build && mkdir -p /out && mv dist /out/page && find /out -exec touch -d @0 {} +

# What our image adds to that of nginx. It is made in this stage, so that an image for another
# processor runs nothing.
FROM page AS front
COPY infra/nginx/ /src/nginx/
RUN mkdir -p /front/etc/nginx/hubbub /front/hubbub /front/usr/share/nginx && cd /src/nginx && \
    cp nginx.conf /front/etc/nginx/ && cp *.conf /front/etc/nginx/hubbub/ && rm /front/etc/nginx/hubbub/nginx.conf && \
    install -m 755 start.sh settings.sh renew.sh /front/hubbub/ && cp -r /out/page /front/usr/share/nginx/html && \
    chmod -R u=rwX,go=rX /front && find /front -exec touch -d @0 {} +

# Mount points of volumes. A new volume takes its owner and mode from them.
FROM --platform=$BUILDPLATFORM ${REGISTRY}golang:1.26-bookworm AS folders
RUN mkdir -p -m 700 /nginx/tls /hubbub/data && find /nginx /hubbub -exec touch -d @0 {} +

FROM ${REGISTRY}nginx:1.29-bookworm AS nginx
ARG VERSION=
ARG COMMIT=
ARG DATE=
COPY --from=front /front/ /
# For nginx, and for `hubbub cert` beside it.
COPY --from=folders --chown=101:101 /nginx/ /
# nginx's own user: the ports need no privilege, and nginx writes to /tmp alone.
USER nginx
EXPOSE 8080 8443
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/healthz"]
# On SIGQUIT nginx finishes the requests under way.
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/hubbub/start.sh"]
CMD ["nginx", "-g", "daemon off;"]
LABEL org.opencontainers.image.title="Hubbub: nginx and the page" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT org.opencontainers.image.created=$DATE

# The base of images with one static program: no shell, no packages, user 65532.
FROM ${DISTROLESS}static-debian12:nonroot AS program
# The ops port, for probes and metrics, is reached from the container's networks alone.
ENV HUBBUB_OPS_LISTEN=:9090
EXPOSE 8080 9090
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["/hubbub-service", "healthcheck"]

# `hubbub up`: everything in one process, with its data in /data.
FROM program AS hubbub
ARG VERSION=
ARG COMMIT=
ARG DATE=
ENV HUBBUB_DATA=/data HUBBUB_WEB=/page HUBBUB_LISTEN=:8080 HUBBUB_LOG_FORMAT=json
COPY --from=build /out/hubbub-service /hubbub-service
COPY --from=folders --chown=65532:65532 /hubbub/ /
COPY --from=folders --chown=101:101 /nginx/ /
COPY --from=page /out/ /
VOLUME /data
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["/hubbub-service", "up", "healthcheck"]
ENTRYPOINT ["/hubbub-service"]
CMD ["up"]
LABEL org.opencontainers.image.title="Hubbub: all in one" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT org.opencontainers.image.created=$DATE

# A service. It is last, since the last stage is what a build without --target makes.
FROM program AS service
ARG SERVICE=edge
ARG VERSION=
ARG COMMIT=
ARG DATE=
COPY --from=build /out/hubbub-service /hubbub-service
ENTRYPOINT ["/hubbub-service"]
LABEL org.opencontainers.image.title="Hubbub: $SERVICE" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT org.opencontainers.image.created=$DATE
