// Gives people what code-server's own processes must not see of the container's environment. Each
// of those loads it first: the first by NODE_OPTIONS, the others by the arguments that they get.
// See agent/machine/programs/steering.py for what that is, and agent/services/code_server.py for the file.
"use strict";

const fs = require("node:fs");
const { isMainThread } = require("node:worker_threads");

function readTaken() {
  try {
    return JSON.parse(fs.readFileSync(`${process.env.DEV8_RUNTIME_DIR}/code-server.taken.json`));
  } catch {
    return { extensions: {}, terminals: {} }; // the agent is gone; nobody is to lose a terminal
  }
}

// What has been set meanwhile stays: by VS Code, by the login shell, by an extension.
function addTo(environment, variables) {
  for (const [name, value] of Object.entries(variables)) environment[name] ??= value;
}

// Terminals are started by node-pty's native part, with the environment as an array of NAME=VALUE.
function giveToTerminals(variables) {
  const open = process.dlopen;
  process.dlopen = (module, filename, ...rest) => {
    open.call(process, module, filename, ...rest);
    if (!/[\\/]pty\.node$/.test(filename)) return;
    const fork = module.exports.fork;
    const forkWithAll = (file, args, pairs, ...more) => {
      const known = new Set(pairs.map((pair) => pair.slice(0, pair.indexOf("="))));
      const added = Object.entries(variables).filter(([name]) => !known.has(name));
      return fork(file, args, [...pairs, ...added.map((pair) => pair.join("="))], ...more);
    };
    module.exports = { ...module.exports, fork: forkWithAll };
  };
}

if (isMainThread) {
  delete process.env.NODE_OPTIONS; // ours: it would reach every program of the user's
  if (!process.execArgv.includes(__filename)) process.execArgv.push("--require", __filename);
  if (process.argv.includes("--type=extensionHost")) addTo(process.env, readTaken().extensions);
  if (process.argv.includes("--type=ptyHost")) giveToTerminals(readTaken().terminals);
}
