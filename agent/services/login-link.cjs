// The editor's door for people who have a one-time link, and what its session's cookie says to
// browsers. Loaded before code-server, as first-page.cjs is; see docs/decisions/login-link.md.
//
// `devcopilot open` keeps of each link its digest, as a file of that name. Who knows the token gets
// the session's cookie, which code-server compares with the hash that it was given.
"use strict";

const { createHash, timingSafeEqual } = require("node:crypto");
const fs = require("node:fs");
const { Server } = require("node:http");
const { isMainThread } = require("node:worker_threads");

const RUNTIME = process.env.DEV8_RUNTIME_DIR;
const LINKS = `${RUNTIME}/links`;
const USED = ".used";
const PAGE = "/devcopilot/open";
const LONGEST = 1024; // bytes of what the button sends
const GONE = /; Expires=Thu, 01 Jan 1970 /;

const SAID = {
  200: "This link is incomplete. Open it again as it was sent, with all that follows the #.",
  400: "This is no link. Run “devcopilot open” in the workspace for one.",
  404: "This link is not known here. Run “devcopilot open” in the workspace for a new one.",
  410: "This link is over: it was used, or its time has passed. Run “devcopilot open” for a new one.",
};

// What the agent has written for this life of the container; none where no password is asked for.
function readDoor() {
  try {
    return JSON.parse(fs.readFileSync(`${RUNTIME}/code-server.door.json`));
  } catch {
    return undefined;
  }
}

// --- the page ------------------------------------------------------------------------------------

const TEMPLATE = fs.readFileSync(`${__dirname}/login-link.html`, "utf8");

function digest(element) {
  const text = TEMPLATE.match(new RegExp(`<${element}>([^]*)</${element}>`))[1];
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    `default-src 'none'; style-src ${digest("style")}; script-src ${digest("script")}; ` +
    "form-action 'self'; base-uri 'none'",
  "Content-Type": "text/html; charset=utf-8",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

function say(response, status) {
  response.writeHead(status, HEADERS).end(TEMPLATE.replace("{{SAID}}", SAID[status]));
}

// --- the link ------------------------------------------------------------------------------------

// Any token costs the same work: its digest is compared with each that is there.
function findLink(token) {
  const wanted = createHash("sha256").update(token).digest();
  let found;
  for (const name of fs.existsSync(LINKS) ? fs.readdirSync(LINKS) : []) {
    const given = Buffer.from(name.slice(0, 64), "hex");
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) found = name;
  }
  return found;
}

// 303 once; 410 when it was used or its time has passed; 404 for what was never a link.
function redeem(token) {
  const name = findLink(token);
  if (name === undefined) return 404;
  if (name.endsWith(USED)) return 410;
  try {
    const { until } = JSON.parse(fs.readFileSync(`${LINKS}/${name}`));
    const uptime = parseFloat(fs.readFileSync("/proc/uptime", "ascii"));
    if (!(uptime < until)) return 410;
    fs.renameSync(`${LINKS}/${name}`, `${LINKS}/${name}${USED}`);
    return 303;
  } catch {
    return 410;
  }
}

function open(request, response, door) {
  let body = "";
  request.setEncoding("latin1");
  request.on("data", (piece) => {
    body += piece;
    if (body.length > LONGEST) request.destroy();
  });
  request.on("end", () => {
    const token = new URLSearchParams(body).get("token");
    const status = token ? redeem(token) : 400;
    if (status !== 303) return say(response, status);
    console.log("Login by a one-time link", JSON.stringify({
      xForwardedFor: request.headers["x-forwarded-for"],
      remoteAddress: request.socket.remoteAddress,
      userAgent: request.headers["user-agent"],
    }));
    const { "Content-Type": _, ...headers } = HEADERS;
    response.writeHead(303, { ...headers, Location: "../", "Set-Cookie": door.cookie }).end();
  });
}

function answer(request, response, door) {
  if (request.method === "POST") open(request, response, door);
  else if (request.method === "GET" || request.method === "HEAD") say(response, 200);
  else response.writeHead(405, { Allow: "GET, HEAD, POST" }).end();
}

// --- the cookie of code-server's own login -------------------------------------------------------

// Scripts never get it. Where people come by https, it is also sent in a frame of another website, which
// gets a cookie of its own for each website around it. One that logs out goes both ways.
function change(cookie, door, origin) {
  if (!cookie.startsWith(`${door.name}=`)) return [cookie];
  if (!door.origin) return [`${cookie}; HttpOnly`];
  const framed = cookie.replace(/; SameSite=\w+/, "") + door.flags;
  if (GONE.test(cookie)) return [cookie, framed];
  return [origin === door.origin ? framed : `${cookie}; HttpOnly`];
}

function guardCookie(request, response, door) {
  const set = response.setHeader;
  response.setHeader = function (name, value) {
    const changed = /^set-cookie$/i.test(name)
      ? [value].flat().flatMap((cookie) => change(String(cookie), door, request.headers.origin))
      : value;
    return set.call(this, name, changed);
  };
}

// -------------------------------------------------------------------------------------------------

// Returns whether it has answered.
function receive(request, response) {
  const path = request.url.split("?", 1)[0];
  const isPage = path === PAGE;
  if (!isPage && !/^\/log(in|out)\/?$/.test(path)) return false;
  const door = readDoor();
  if (!door) return false;
  if (isPage) answer(request, response, door);
  else guardCookie(request, response, door);
  return isPage;
}

if (isMainThread && !process.argv.some((word) => word.startsWith("--type="))) {
  if (!process.execArgv.includes(__filename)) process.execArgv.push("--require", __filename);
  const emit = Server.prototype.emit;
  Server.prototype.emit = function (event, ...values) {
    if (event === "request" && receive(...values)) return true;
    return emit.call(this, event, ...values);
  };
}
