// One word in the status bar on how the workspace is; a click opens its page. Once a minute it reads a
// few small files of the agent's, and starts nothing.
"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const MINUTE = 60000;
const PORT = "8079"; // DEV8_PAGE_PORT, unless it is set
const SOON = 15; // Minutes before the end of a token: who wants to push should know

function read(file) {
  try {
    return JSON.parse(fs.readFileSync(file));
  } catch {
    return undefined; // not there, or it is being written
  }
}

function readFolder(folder) {
  try {
    const names = fs.readdirSync(folder).filter((name) => name.endsWith(".json"));
    return names.map((name) => read(path.join(folder, name))).filter(Boolean);
  } catch {
    return [];
  }
}

function findPort(runtime) {
  return (read(path.join(runtime, "settings.json"))?.variables ?? {}).DEV8_PAGE_PORT ?? PORT;
}

function findState(environment) {
  return path.join(environment.XDG_STATE_HOME || path.join(os.homedir(), ".local/state"), "devcopilot");
}

// What was kept last lies in the runtime folder while the state folder takes nothing.
function readBackups(runtime, state) {
  const files = [path.join(runtime, "spare"), state].map((folder) => path.join(folder, "backup/record.json"));
  return Object.entries(files.map(read).find(Boolean) ?? {});
}

function formatMinutes(minutes) {
  if (minutes < 90) return `${Math.round(minutes)} min`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}

function describeTokens(records, now) {
  return records.flatMap(({ host, expires, problems }) => {
    const left = (Date.parse(expires) - now) / MINUTE; // of a token without an end it is no number
    const isBad = left <= 0 || Object.keys(problems ?? {}).length > 0;
    if (left <= 0) return [{ isBad, text: "token has expired", detail: `The token for ${host} has expired.` }];
    const detail = Object.values(problems ?? {}).join("\n");
    if (left < SOON) return [{ isBad, text: `token ends in ${formatMinutes(left)}`, detail }];
    return isBad ? [{ isBad, text: "token has a problem", detail }] : [];
  });
}

function describeBackups(backups, now) {
  return backups.flatMap(([target, { seen, problem, finding }]) => {
    if (problem || finding) return [{ isBad: true, text: `backup to ${target} failed`, detail: problem || finding }];
    const age = (now - Date.parse(seen)) / MINUTE;
    if (Number.isNaN(age)) return [];
    const text = age < 1 ? "backup just now" : `backup ${formatMinutes(age)} ago`;
    return [{ isBad: false, text, detail: `The last backup to ${target}.` }];
  });
}

function describeProblems(problems) {
  const loud = problems.filter(({ level }) => level !== "info");
  if (loud.length === 0) return [];
  const detail = loud.map(({ message, hint }) => (hint ? `${message} (${hint})` : message)).join("\n");
  return [{ isBad: true, text: loud.length === 1 ? "1 problem" : `${loud.length} problems`, detail }];
}

// The first that is bad, else the first that is worth a word, else that all is well.
function summarize({ tokens, backups, problems }, now) {
  const known = [...describeTokens(tokens, now), ...describeProblems(problems), ...describeBackups(backups, now)];
  return known.find(({ isBad }) => isBad) ?? known[0] ?? { isBad: false, text: "All well", detail: "" };
}

function look(runtime, state, now) {
  const problems = read(path.join(runtime, "problems.json"));
  return summarize(
    {
      tokens: readFolder(path.join(runtime, "tokens")),
      backups: readBackups(runtime, state),
      problems: Array.isArray(problems) ? problems : [],
    },
    now,
  );
}

async function open(vscode, port) {
  const place = await vscode.env.asExternalUri(vscode.Uri.parse(`http://127.0.0.1:${port}/`));
  await vscode.env.openExternal(place);
}

function showPage(vscode, context, runtime) {
  const port = findPort(runtime);
  if (port === "0") return;
  const item = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Left, 999);
  item.name = "State of the workspace";
  item.command = "devcopilot.openPage";
  const paint = () => {
    const { isBad, text, detail } = look(runtime, findState(process.env), Date.now());
    item.text = `$(${isBad ? "warning" : "pass"}) ${text.replaceAll("$(", "$ (")}`;
    item.tooltip = [detail, "Open the workspace page"].filter(Boolean).join("\n");
    item.accessibilityInformation = { label: `Workspace: ${text}. Opens its page`, role: "button" };
    item.show();
  };
  paint();
  const timer = setInterval(paint, MINUTE);
  const command = vscode.commands.registerCommand("devcopilot.openPage", () => open(vscode, port));
  context.subscriptions.push(item, command, { dispose: () => clearInterval(timer) });
}

module.exports = { look, showPage };
