// The editor's own scripts and styles, as the image holds them compressed (compress.js).
//
// By itself code-server compresses these 24 MB for each browser that opens the editor for the first
// time, while the person waits, and with a weaker level, since it has to be done at once.
"use strict";

const { existsSync } = require("node:fs");

const vscode = "/opt/code-server/node_modules/code-server/lib/vscode";
const PATH = /^\/[\w-]+\/static(\/out\/[\w/.-]+\.(js|css))$/;
const TYPES = { css: "text/css", js: "text/javascript" };

// VS Code is asked for the compressed file instead, so who may have it and for how long stays its
// decision. A client that ranks encodings (`br;q=0.5`) gets what code-server makes of that.
function choose(request, response) {
  const [, path, type] = PATH.exec(request.url) ?? [];
  if (!path || request.method !== "GET" || !existsSync(`${vscode}${path}.br`)) return;
  const accepted = (request.headers["accept-encoding"] ?? "").split(",");
  if (!accepted.some((word) => word.trim() === "br")) return;
  request.url += ".br";
  delete request.headers["accept-encoding"]; // once is enough
  const writeHead = response.writeHead;
  response.writeHead = function (status, ...rest) {
    if (status === 200) {
      this.setHeader("Content-Encoding", "br");
      this.setHeader("Content-Type", TYPES[type]);
      this.setHeader("Vary", "Accept-Encoding");
    }
    return writeHead.call(this, status, ...rest);
  };
}

exports.sendCompressed = (server) => server.prependListener("request", choose);
