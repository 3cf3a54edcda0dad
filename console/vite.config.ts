// Builds the console into dist/, which the server embeds. `npm run dev` serves it with a running server behind it:
// RINGLINE=http://127.0.0.1:8080 npm run dev

import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env["RINGLINE"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // Part of the console, not a package that it installs.
  resolve: { alias: { "@ringline/rtc-core": fileURLToPath(new URL("../sdk/web/core/src/index.ts", import.meta.url)) } },
  build: {
    target: "es2022",
    // As light-dark() has it, which the stylesheet is built on: browsers from the middle of 2024 on.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    manifest: true,
    // The page's policy allows no data: addresses but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": server, "/rtc": server }, fs: { allow: [".", "../sdk/web/core"] } },
  test: { include: ["tests/**/*.test.{ts,tsx}"], environment: "node" },
});
