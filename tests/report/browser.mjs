// Opens pages in a headless Chromium and prints, as JSON, what a reader would meet there.
//
//     node browser.mjs PAGE...                    each page light, dark, and as wide as a phone
//     node browser.mjs --pictures FOLDER PAGE     the upper part of the page in these views, as report-<view>.png
//
// Chromium comes out of the npm package, once, and stays beside it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import chromium, { inflate } from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const require = createRequire(import.meta.url);
const VIEWS = [
  { name: "light", scheme: "light", width: 1280 },
  { name: "dark", scheme: "dark", width: 1280 },
  { name: "phone", scheme: "light", width: 390 },
];

async function unpacked() {
  const entry = require.resolve("@sparticuz/chromium");
  const root = dirname(dirname(entry));
  const modules = dirname(dirname(root));
  const { version } = JSON.parse(readFileSync(join(root, "package.json")));
  const folder = join(modules, ".chromium", version);
  if (!existsSync(folder)) {
    mkdirSync(dirname(folder), { recursive: true });
    // Renamed at the end, so that an unpacking that was cut off is not taken for a browser.
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

async function open(browser, path, view) {
  const page = await browser.newPage();
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: view.scheme }]);
  await page.setViewport({ width: view.width, height: 900 });
  return [page, () => page.goto(pathToFileURL(path).href)];
}

async function picture(browser, path, view, target) {
  const [page, load] = await open(browser, path, view);
  await load();
  await page.screenshot({ path: join(target, `report-${view.name}.png`), clip: { x: 0, y: 0, width: view.width, height: 1800 } });
  await page.close();
}

async function look(browser, path, view) {
  const [page, load] = await open(browser, path, view);
  const found = { console: [], errors: [], requests: [] };
  page.on("console", (message) => found.console.push(message.text()));
  page.on("pageerror", (error) => found.errors.push(String(error)));
  page.on("request", (request) => found.requests.push(request.url()));
  await load();
  Object.assign(found, await page.evaluate(() => ({
    title: document.title,
    headings: [...document.querySelectorAll("h1,h2,h3")].map((heading) => [Number(heading.tagName[1]), heading.innerText]),
    sections: [...document.querySelectorAll("section")].map((section) => section.id),
    text: Object.fromEntries([...document.querySelectorAll("header,section")].map((part) => [part.id, part.innerText])),
    metrics: Object.fromEntries([...document.querySelectorAll("data[data-path]")].map((data) => [data.dataset.path, [data.value, data.innerText]])),
    numbers: Object.fromEntries([...document.querySelectorAll("section")].map((section) => [section.id, [...section.querySelectorAll("data")].map((data) => Number(data.value))])),
    pictures: [...document.querySelectorAll("svg")].map((svg) => ({
      label: svg.getAttribute("aria-label"),
      width: svg.getBoundingClientRect().width,
      lines: [...svg.querySelectorAll("polyline.model")].map((line) => line.getTotalLength()),
      tables: svg.closest("section").querySelectorAll("table").length,
    })),
    background: getComputedStyle(document.body).backgroundColor,
    width: document.documentElement.scrollWidth,
  })));
  // What wcag2a and wcag2aa stand for: https://www.w3.org/TR/WCAG22/, levels A and AA.
  await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await page.evaluate((values) => axe.run({ runOnly: { type: "tag", values } }), tags);
  found.violations = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
  await page.close();
  return found;
}

const folder = await unpacked();
const browser = await puppeteer.launch({
  executablePath: join(folder, "chromium"),
  headless: "shell",
  // Root has no sandbox; the pages are our own.
  args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
  // The libraries that a server may lack.
  env: { ...process.env, LD_LIBRARY_PATH: join(folder, "al2023", "lib") },
});
const [option, ...rest] = process.argv.slice(2);
try {
  if (option === "--pictures") {
    const [target, path] = rest;
    for (const view of VIEWS) await picture(browser, path, view, target);
  } else {
    const seen = {};
    for (const path of [option, ...rest]) {
      seen[path] = {};
      for (const view of VIEWS) seen[path][view.name] = await look(browser, path, view);
    }
    process.stdout.write(JSON.stringify(seen));
  }
} finally {
  await browser.close();
}
