// A headless Chromium for the tests, unpacked once from the npm package into a folder next to it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
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

// A server may have no fonts, without which pages have no text; the package's configuration is for Lambda's folders.
function fonts(folder) {
  if (existsSync("/etc/fonts")) return {};
  const configuration = join(folder, "fonts.conf");
  const [own, cache] = [join(folder, "fonts"), join(folder, "fonts-cache")];
  writeFileSync(configuration, `<fontconfig><dir>${own}</dir><cachedir>${cache}</cachedir></fontconfig>\n`);
  return { FONTCONFIG_FILE: configuration };
}

export async function launch(...more) {
  const folder = await unpacked();
  return puppeteer.launch({
    executablePath: join(folder, "chromium"),
    headless: "shell",
    // Chromium has no sandbox for root; the pages are our own.
    args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none", ...more],
    // Libraries that a server may lack.
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, "al2023", "lib"), ...fonts(folder) },
  });
}
