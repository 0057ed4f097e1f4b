// A headless Chromium for the tests, unpacked once from the npm package into a folder next to it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import chromium, { inflate } from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const require = createRequire(import.meta.url);

async function unpacked() {
  const entry = require.resolve("@sparticuz/chromium");
  const root = dirname(dirname(entry));
  const modules = dirname(dirname(root));
  const { version } = JSON.parse(readFileSync(join(root, "package.json")));
  const folder = join(modules, ".chromium", version);
  if (!existsSync(folder)) {
    mkdirSync(dirname(folder), { recursive: true });
    // Renamed at the end, so that an interrupted unpacking is not mistaken for a browser.
    const partial = mkdtempSync(join(dirname(folder), "partial-"));
    const { TMPDIR } = process.env;
    process.env.TMPDIR = partial;
    await chromium.executablePath();
    await inflate(join(root, "bin", "al2023.tar.br"));
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    try {
      renameSync(partial, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error;
    }
  }
  return folder;
}

export async function launch(...more) {
  const folder = await unpacked();
  return puppeteer.launch({
    executablePath: join(folder, "chromium"),
    headless: "shell",
    // Chromium has no sandbox for root; the pages are our own.
    args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none", ...more],
    // Libraries and fonts that a server may lack.
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
      ...(existsSync("/etc/fonts") ? {} : { FONTCONFIG_PATH: join(folder, "fonts") }),
    },
  });
}
