// Opens pages in a headless Chromium and prints their content and errors as JSON.
//
//     node browser.mjs PAGE...                    each page light, dark, and as wide as a phone
//     node browser.mjs --pictures FOLDER PAGE     the upper part of the page in these views, as report-<view>.png
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "./chromium.mjs";

const require = createRequire(import.meta.url);
const VIEWS = [
  { name: "light", scheme: "light", width: 1280 },
  { name: "dark", scheme: "dark", width: 1280 },
  { name: "phone", scheme: "light", width: 390 },
];

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
    pictures: [...document.querySelectorAll("svg:not(.distribution)")].map((svg) => ({
      label: svg.getAttribute("aria-label"),
      width: svg.getBoundingClientRect().width,
      lines: [...svg.querySelectorAll("polyline.model")].map((line) => line.getTotalLength()),
      tables: svg.closest("section").querySelectorAll("table").length,
    })),
    background: getComputedStyle(document.body).backgroundColor,
    width: document.documentElement.scrollWidth,
  })));
  // wcag2a and wcag2aa are levels A and AA of https://www.w3.org/TR/WCAG22/.
  await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await page.evaluate((values) => axe.run({ runOnly: { type: "tag", values } }), tags);
  found.violations = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
  await page.close();
  return found;
}

const browser = await launch();
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
