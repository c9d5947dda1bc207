// Gives the editor's page what only its server can give: whether the agent takes the folder for
// trusted, and defaults that VS Code accepts from no extension. Loaded before code-server, as
// give-back.cjs is; see docs/decisions/trust-in-the-editor.md.
//
// The page hands its configuration to VS Code in one element, whose shape is that of
// IWorkbenchConstructionOptions (src/vs/workbench/browser/web.api.ts). Whatever is not as expected
// leaves the page as it is: with VS Code's own restricted mode.
"use strict";

const { execFile } = require("node:child_process");
const { Server } = require("node:http");
const { isMainThread } = require("node:worker_threads");

const ELEMENT = /(<meta id="vscode-workbench-web-configuration" data-settings=")([^"]*)(")/;

// Of settings only; what a person sets wins.
const DEFAULTS = {
  "security.workspace.trust.banner": "never",
  "security.workspace.trust.startupPrompt": "never", // our extension asks
  "workbench.secondarySideBar.defaultVisibility": "hidden", // the chat, which takes the focus
  "workbench.startupEditor": "none", // our extension shows a README
  "workbench.welcomePage.experimentalOnboarding": false, // asks for a sign-in
};

// And while the folder is not open: a terminal that comes up again would make VS Code ask, too.
const RESTRICTED = {
  "terminal.integrated.enablePersistentSessions": false,
  "terminal.integrated.hideOnStartup": "always",
};

// Milliseconds that the agent may take to answer.
const PATIENCE = 5000;

// The folder or workspace file that VS Code will open, read from the URL as the page reads it. A URL
// that names two is answered by neither: the page would open the last.
function findOpened(url) {
  const named = [...url.searchParams].filter(([name]) => name === "folder" || name === "workspace");
  return named.length === 1 && named[0][1].startsWith("/") ? named[0][1] : undefined;
}

function askAgent(path) {
  return new Promise((resolve) => {
    execFile("devcopilot", ["editor", "--json", "--", path], { timeout: PATIENCE }, (error, output) => {
      try {
        resolve(error ? {} : JSON.parse(output));
      } catch {
        resolve({});
      }
    });
  });
}

function change(page, answer) {
  return page.replace(ELEMENT, (whole, before, settings, after) => {
    try {
      const options = JSON.parse(settings.replaceAll("&quot;", '"'));
      const isOpen = answer.open === true;
      options.configurationDefaults = {
        ...options.configurationDefaults,
        ...DEFAULTS,
        ...(isOpen ? {} : RESTRICTED),
      };
      options.productConfiguration.enableTelemetry = false; // else VS Code's welcome page says it is on
      if (isOpen) options.enableWorkspaceTrust = false;
      return before + JSON.stringify(options).replaceAll('"', "&quot;") + after;
    } catch {
      return whole;
    }
  });
}

// Only of a page that code-server sends, which it does to nobody without a session, is the agent asked.
function prepare(request, response) {
  const url = new URL(request.url, "http://localhost");
  if (request.method !== "GET" || url.pathname !== "/") return;
  delete request.headers["accept-encoding"]; // the page is read here
  const end = response.end;
  response.end = (body, ...rest) => {
    const text = typeof body === "string" || Buffer.isBuffer(body) ? body.toString() : "";
    if (!ELEMENT.test(text)) return end.call(response, body, ...rest);
    const opened = findOpened(url);
    const asked = opened ? askAgent(opened) : Promise.resolve({});
    asked.then((answer) => {
      const changed = Buffer.from(change(text, answer));
      if (!response.headersSent && response.hasHeader("content-length"))
        response.setHeader("content-length", changed.length);
      end.call(response, changed);
    });
    return response;
  };
}

if (isMainThread && !process.argv.some((word) => word.startsWith("--type="))) {
  if (!process.execArgv.includes(__filename)) process.execArgv.push("--require", __filename);
  const emit = Server.prototype.emit;
  Server.prototype.emit = function (event, ...values) {
    if (event === "request") {
      try {
        prepare(...values);
      } catch {
        // a URL that is none: code-server answers that
      }
    }
    return emit.call(this, event, ...values);
  };
}
