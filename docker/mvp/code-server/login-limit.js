// Loaded before code-server: its limit on logins counts a try when that has failed, so any number at
// once would all be checked. One is checked at a time, and the others are told so.
"use strict";

const out = "/opt/code-server/node_modules/code-server/out/node";

// Not in the processes that the editor makes of this one.
if (/\/(entry(\.js)?|code-server-service)$/.test(process.argv[1])) {
  const util = require(`${out}/util`);
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
