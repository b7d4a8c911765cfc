# The command line and the worker in one image: `docker run … worker`, `docker run … batch …`.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY scripts/bundle-workflows.mjs scripts/bundle-report-page.mjs scripts/bundle-cli.mjs scripts/bundle-cjs.mjs scripts/licenses.mjs scripts/
COPY src src
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
# Certificates of the authorities that Temporal Cloud and endpoints are signed by, for the SDK's native side.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["worker"]
