# An image with cgroup as one executable, without Node and npm: docker build -t cgroup .
# Your own function: FROM cgroup, then COPY handler.mjs /app/, then CMD ["start", "-p", "./handler.mjs"]. See docs/install.md.

# BUILD needs Node 20.19 or newer; BASE a libc like that of BUILD, and a shell, which programs as processors (exec:) need.
ARG BUILD=node:22-bookworm-slim
ARG BASE=debian:bookworm-slim

FROM ${BUILD} AS build
# The executable of this checkout, if it is made already: --build-arg EXECUTABLE=dist/executable/cgroup
ARG EXECUTABLE=
WORKDIR /src
COPY . .
RUN command -v tini-static || { apt-get update && apt-get install -y --no-install-recommends tini; }
RUN if [ -n "$EXECUTABLE" ]; then cp "$EXECUTABLE" /cgroup; \
    else npm ci --ignore-scripts && npm run executable && cp dist/executable/cgroup /cgroup; fi

FROM ${BASE}
COPY --from=build /usr/bin/tini-static /usr/local/bin/tini
COPY --from=build /cgroup /usr/local/bin/cgroup
WORKDIR /app
# Not the user of anything else. A number: Kubernetes checks with it that the user is not root (runAsNonRoot).
USER 65532:65532
# The user is in no list of users: a program that asks for its home gets this one.
ENV HOME=/app
# The health check asks here. For a page, metrics and probes from outside: 0.0.0.0:9464, with CGROUP_HTTP_TOKEN.
ENV CGROUP_HTTP=127.0.0.1:9464
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["bash", "-c", \
    "[ -z \"$CGROUP_HTTP\" ] || { exec 3<>/dev/tcp/127.0.0.1/${CGROUP_HTTP##*:} && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && grep -q ' 200 OK' <&3; }"]
# tini is process 1: it passes signals on, and takes away what programs of a processor leave behind.
ENTRYPOINT ["/usr/local/bin/tini", "--", "/usr/local/bin/cgroup"]
CMD ["start"]
