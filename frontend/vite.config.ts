import { defineConfig } from "vite";

// Fixed names: Django's manifest storage adds the hashes when it collects the files.
export default defineConfig({
  build: {
    outDir: "dist",
    emptyOutDir: true,
    modulePreload: false,
    rollupOptions: {
      input: { main: "src/main.ts", styles: "styles/main.css" },
      output: {
        entryFileNames: "[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
});
