/** Bundles for browsers, as esbuild makes them. */
import { build } from "esbuild";

/** The minified bundle of a module's text; fails when anything of Node.js is in it. */
export async function bundle(contents: string, resolveDir = import.meta.dirname): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir, loader: "js" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  return outputFiles.map(({ text }) => text).join("");
}
