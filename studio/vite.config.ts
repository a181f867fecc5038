import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const server = process.env.STUDIO_SERVER ?? "http://127.0.0.1:7861";

/** The notices of what is shipped inside the built page: every licence asks for them. */
function notices(): Plugin {
  return {
    name: "notices",
    generateBundle() {
      const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
      const names = [...Object.keys(manifest.dependencies), "@preact/signals-core"].sort();
      const parts = names.map((name) => {
        const folder = join(here, "node_modules", name);
        const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        const text = readFileSync(join(folder, "LICENSE"), "utf8").trim();
        return `${name} ${version} (${license})\n\n${text}\n`;
      });
      const head = "The page of Phonofilm's studio is built with these libraries.\n";
      this.emitFile({ type: "asset", fileName: "assets/LICENSES.txt", source: [head, ...parts].join("\n----\n\n") });
    },
  };
}

// Fixed names: the server answers with an ETag, so nothing is gained by names that change with the content.
const output = {
  entryFileNames: "assets/[name].js",
  chunkFileNames: "assets/[name].js",
  assetFileNames: "assets/[name][extname]",
};

export default defineConfig({
  base: "/",
  plugins: [notices()],
  build: {
    outDir: join(here, "../src/phonofilm/web/static"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: { input: { studio: join(here, "index.html") }, output },
  },
  worker: { format: "es", rollupOptions: { output } },
  server: { port: 5173, proxy: { "/api": { target: server, changeOrigin: true, headers: { origin: server } } } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
