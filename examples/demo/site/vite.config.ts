// How the bundle is built: hashed assets into dist/, no inlined fonts, nothing fetched from elsewhere.
// `npm run dev` passes the API and demo.json to a PoP on the demo's default port. Used by `npm run build`.

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const pop = "http://127.0.0.1:18080";

export default defineConfig({
  plugins: [react()],
  build: { target: "es2022", sourcemap: false },
  server: { proxy: { "/api": pop, "/demo.json": pop } },
});
