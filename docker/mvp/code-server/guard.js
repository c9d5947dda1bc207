// Loaded before code-server: what it would do for anybody, with no password, and must not.
"use strict";

const out = "/opt/code-server/node_modules/code-server/out/node";

// Its limit on logins counts a try when that has failed, so any number at once would all be checked.
// One is checked at a time, and the others are told so.
function limitLogins(util) {
  const check = util.handlePasswordValidation;
  let checking = false;
  util.handlePasswordValidation = async (login) => {
    if (checking) throw new Error("Login rate limited!");
    checking = true;
    try {
      return await check(login);
    } finally {
      checking = false;
    }
  };
}

// It fills in its pages by String.replace, where a $` of the stranger's is all of the page before it:
// a request of 14 kB would be answered with 10 MB. As an entity the $ is one.
function limitPages(util) {
  const escape = util.escapeHtml;
  util.escapeHtml = (text) => escape(text).replace(/\$/g, () => "&#36;");
}

// A WebSocket at /healthz keeps messages of up to 100 MiB, and a faulty one is an error that nobody
// catches. The editor uses none there; this is that server, and no other.
function closeHealthSockets(server) {
  server.handleUpgrade = (_request, socket) => {
    socket.end("HTTP/1.1 404 Not Found\r\n\r\n", () => socket.destroy());
  };
}

// Not in the processes that the editor makes of this one.
if (/\/(entry(\.js)?|code-server-service)$/.test(process.argv[1])) {
  const util = require(`${out}/util`);
  limitLogins(util);
  limitPages(util);
  closeHealthSockets(require(`${out}/wsRouter`).wss);
}
