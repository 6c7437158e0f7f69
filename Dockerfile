# syntax=docker/dockerfile:1

#   docker build -t watchnext .                                  the service, on CPUs
#   docker build -t watchnext-learner --target learner .         the same with training: the learner, and every other command
#   docker build -t watchnext:cuda --build-arg DEVICE=cuda .     the service, on NVIDIA GPUs
#
#   docker run --read-only --cap-drop ALL -p 127.0.0.1:8080:8080 -v ./models:/models:ro -v watchnext-data:/data watchnext

# cpu or cuda
ARG DEVICE=cpu

FROM node:22-bookworm-slim AS node
FROM debian:bookworm-slim AS base-cpu
# CUDA 12 and cuDNN 9, which ONNX Runtime's CUDA provider is linked with.
FROM nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04 AS base-cuda

# What runs: Node's one binary, and nothing to install more with.
# hadolint ignore=DL3006
FROM base-${DEVICE} AS base
COPY --from=node /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
# Open to any number that --user gives.
RUN install -d -m 1777 /data /models
# A number, so that a cluster can see without reading the image that it is not root.
USER 10001:10001
# All that is written goes to /data; the models folder may be mounted read-only.
VOLUME /data
ENV NODE_ENV=production \
    WATCHNEXT_HOST=0.0.0.0 \
    WATCHNEXT_MODELS=/models \
    WATCHNEXT_STORE=/data/store \
    WATCHNEXT_LOG_DIRECTORY=/data/log \
    WATCHNEXT_SPOOL_DIRECTORY=/data/spool
# Node itself is the first process: it handles SIGTERM, has no children to reap, and so needs no init beside it.
ENTRYPOINT ["node", "/app/bin/watchnext.js"]
STOPSIGNAL SIGTERM

FROM node AS manifest
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM manifest AS build
RUN --mount=type=cache,target=/root/.npm npm ci --no-progress
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY cli cli
COPY src src
COPY training training
RUN npm run build

# Packages come from the registry alone and run no install script (.npmrc); ONNX Runtime's are there for every platform,
# one is kept. With DEVICE=cuda a step more fetches its CUDA libraries from NuGet, which this build must then reach.
FROM manifest AS learner-packages
ARG DEVICE
RUN --mount=type=cache,target=/root/.npm npm ci --no-progress --omit=dev
RUN if [ "$DEVICE" = cuda ]; then npm run install:cuda; fi
RUN find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 \
    ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

FROM manifest AS service-packages
ARG DEVICE
# What only training imports.
ARG TRAINING_PACKAGES="@duckdb/node-api @tensorflow/tfjs echarts protobufjs \
    @stdlib/math-base-special-gammainc @stdlib/math-base-special-gammaln @stdlib/stats-base-dists-normal-cdf \
    @stdlib/stats-base-dists-normal-quantile @stdlib/stats-base-dists-t-cdf @stdlib/stats-base-dists-t-quantile"
RUN npm uninstall --package-lock-only ${TRAINING_PACKAGES}
RUN --mount=type=cache,target=/root/.npm npm ci --no-progress --omit=dev
RUN if [ "$DEVICE" = cuda ]; then npm run install:cuda; fi
RUN find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 \
    ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

FROM base AS learner
COPY --chmod=644 LICENSE package.json ./
COPY --chmod=755 bin bin
COPY --chmod=755 models/demo models/demo
COPY --from=learner-packages /app/node_modules node_modules
COPY --from=build /app/dist dist
CMD ["--help"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="watchnext learner" \
      org.opencontainers.image.description="Trains rankers, learns on from the event log, publishes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM base AS service
COPY --chmod=644 LICENSE package.json ./
COPY --chmod=755 bin bin
COPY --from=service-packages /app/node_modules node_modules
COPY --from=build /app/dist/cli dist/cli
COPY --from=build /app/dist/src dist/src
CMD ["serve"]
EXPOSE 8080
# Ready, not only alive: who starts after the service wants to be answered.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/bin/watchnext.js", "health"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="watchnext" \
      org.opencontainers.image.description="Ranks what to watch next by predicted engagement and satisfaction" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
