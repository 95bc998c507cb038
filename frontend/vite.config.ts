import { defineConfig } from "vite";

// Fixed names: Django's manifest storage adds the hashes when it collects the files.
export default defineConfig({
  build: {
    outDir: "dist",
    emptyOutDir: true,
    modulePreload: false,
    rollupOptions: {
      input: {
        main: "src/main.ts",
        reading: "src/reading/main.ts",
        compare: "src/compare/main.ts",
        styles: "styles/main.css",
      },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        // Its own file, which every page that draws volumes shares.
        manualChunks: (id) => (id.includes("node_modules") ? "niivue" : undefined),
        assetFileNames: "[name][extname]",
      },
    },
  },
});
