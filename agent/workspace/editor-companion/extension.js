// Asks the one question of trust, shows how far clone, hooks and extensions are, and notes that somebody
// uses the editor. Loaded once the window stands, so it delays nothing. The agent decides and remembers:
// docs/decisions/trust-in-the-editor.md.
"use strict";

const { execFile } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const vscode = require("vscode");

const { showPage } = require("./page");
const { readUnits } = require("./units");
const { watchUse } = require("./use");

const TRUST = "Trust";
const LATER = "Not Now";
const OPEN = "Open";

// Of what has been done once in a folder, in this browser.
const DECLINED = "declined";
const OPENED = "terminal";

// Milliseconds that the agent may take to answer.
const PATIENCE = 15000;

// --- trust ---

function callAgent(...words) {
  return new Promise((resolve, reject) => {
    execFile("devcopilot", [...words, "--json"], { timeout: PATIENCE }, (error, output) => {
      let document;
      try {
        document = JSON.parse(output);
      } catch {
        return reject(error ?? new Error("devcopilot printed no JSON"));
      }
      if (!error) return resolve(document);
      reject(new Error((document.problems ?? []).map((problem) => problem.message).join("\n")));
    });
  });
}

// A window on several folders keeps VS Code's own restricted mode.
function findFolder() {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const isAlone = folders.length === 1 && !vscode.workspace.workspaceFile;
  return isAlone && folders[0].uri.scheme === "file" ? folders[0].uri.fsPath : undefined;
}

function isBrowser() {
  return vscode.env.uiKind === vscode.UIKind.Web;
}

// Resolves to whether the window is loaded again: in the browser the agent opens it then.
async function trust(folder) {
  try {
    await callAgent("trust", folder);
  } catch (error) {
    vscode.window.showErrorMessage(`Cannot trust ${folder}: ${error.message}`);
    return false;
  }
  if (vscode.workspace.isTrusted) return false;
  const command = isBrowser() ? "workbench.action.reloadWindow" : "workbench.trust.manage";
  await vscode.commands.executeCommand(command);
  return isBrowser();
}

function show(isModal, question, detail) {
  if (!isModal) return vscode.window.showInformationMessage(`${question} ${detail}`, TRUST, LATER);
  // The first is the one that Enter means, which somebody may press who is typing already.
  const answers = [{ title: LATER, isCloseAffordance: true }, { title: TRUST }];
  return vscode.window
    .showInformationMessage(question, { modal: true, detail }, ...answers)
    .then((chosen) => chosen?.title);
}

// Resolves to whether the window stays as it is. VS Code over SSH has asked already, unless it
// trusted the folder on some other day.
async function ask(context, folder, question) {
  if (!question || context.workspaceState.get(DECLINED) === question) return true;
  if (!isBrowser() && !vscode.workspace.isTrusted) return true;
  const answer = await show(
    isBrowser(),
    `Do you trust the code in ${path.basename(folder)}?`,
    `${question}. If you trust it, its setup hooks, tasks, settings, recommended extensions and AI tools may run commands here. ` +
      "You are asked again when the files change that name them.",
  );
  if (answer === TRUST) return !(await trust(folder));
  await context.workspaceState.update(DECLINED, question);
  return true;
}

// --- what the window shows first ---

function isUnset(name) {
  const found = vscode.workspace.getConfiguration().inspect(name);
  return [found.globalValue, found.workspaceValue, found.workspaceFolderValue].every((value) => value === undefined);
}

async function showReadme(readme) {
  const isBare = vscode.window.tabGroups.all.every((group) => group.tabs.length === 0);
  if (!readme || !isBare || !isUnset("workbench.startupEditor")) return;
  // As an editor of its own, which comes back when the page is loaded again: the preview does not.
  const isMarkdown = readme.toLowerCase().endsWith(".md");
  const viewer = isMarkdown ? "vscode.markdown.preview.editor" : "default";
  await vscode.commands.executeCommand("vscode.openWith", vscode.Uri.file(readme), viewer);
}

// A terminal, once: whoever closes it has closed it.
async function openTerminal(context) {
  if (!vscode.workspace.isTrusted || context.workspaceState.get(OPENED)) return;
  (vscode.window.terminals[0] ?? vscode.window.createTerminal()).show(true);
  await context.workspaceState.update(OPENED, true);
}

async function begin(context, folder) {
  const { question, readme } = await callAgent("editor", folder);
  if (!(await ask(context, folder, question)) || !isBrowser()) return;
  await showReadme(readme);
  await openTerminal(context);
}

// --- units ---

const ICONS = { running: "sync~spin", waiting: "clock", failed: "warning", timeout: "warning" };

// Milliseconds until the next look while something is at work: nothing tells that it was killed.
const LOOK = 15000;

function findOpen(folder) {
  return dropSums(readUnits(folder).filter(({ state }) => state in ICONS));
}

// Of parts, such as clone:demo, each stands for itself: the kind only sums them up.
function dropSums(units) {
  const parts = new Set(units.filter(({ name }) => name.includes(":")).map(({ name }) => name.split(":")[0]));
  return units.filter(({ name }) => !parts.has(name));
}

function describe({ name, state, progress, reason }) {
  const done = typeof progress === "number" && state === "running" ? ` ${progress} %` : "";
  return `${name}: ${state}${done}${reason ? ` (${reason})` : ""}`;
}

function paint(item, units) {
  if (units.length === 0) return item.hide();
  const order = Object.keys(ICONS);
  const [first] = [...units].sort((one, other) => order.indexOf(one.state) - order.indexOf(other.state));
  const words = describe({ ...first, reason: "" }).replaceAll("$(", "$ ("); // no icons of a name's
  const more = units.length > 1 ? ` +${units.length - 1}` : "";
  item.text = `$(${ICONS[first.state]}) Setup: ${words}${more}`;
  item.tooltip = units.map(describe).join("\n");
  item.show();
}

async function showUnits(folder) {
  const units = findOpen(folder);
  const rows = units.map((unit) => ({
    label: describe({ ...unit, reason: "" }).replaceAll("$(", "$ ("),
    description: unit.reason,
    detail: unit.hint,
    log: unit.log,
  }));
  if (rows.length === 0) return vscode.window.showInformationMessage("Everything is done.");
  const chosen = await vscode.window.showQuickPick(rows, { placeHolder: "Choose one to see its log" });
  if (chosen?.log) await vscode.window.showTextDocument(vscode.Uri.file(chosen.log));
}

// The window was opened before the repository was there.
async function offerProject(opened) {
  const { project } = await callAgent("editor", opened);
  if (!project || project === opened) return;
  const chosen = await vscode.window.showInformationMessage(`${path.basename(project)} is there.`, OPEN);
  if (chosen === OPEN) await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(project));
}

// The folder comes with the first unit; the runtime folder is there always.
function watchUnits(context, runtime, opened) {
  const folder = path.join(runtime, "units");
  const item = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Left, 1000);
  item.name = "Setup of the workspace";
  item.command = "devcopilot.showUnits";
  let inner;
  let painting;
  let looking;
  let isCloning = false;
  const refresh = () => {
    try {
      inner ??= fs.watch(folder, refresh);
    } catch {
      // not there yet
    }
    painting ??= setTimeout(() => {
      painting = undefined;
      const units = findOpen(folder);
      paint(item, units);
      clearTimeout(looking);
      if (units.some(({ state }) => state === "running")) looking = setTimeout(refresh, LOOK);
      const wasCloning = isCloning;
      isCloning = units.some(({ name }) => /^clone(:|$)/.test(name));
      if (wasCloning && !isCloning && opened) offerProject(opened).catch(console.error);
    }, 200);
  };
  const outer = fs.watch(runtime, (_event, name) => inner || (name === "units" && refresh()));
  const close = () => {
    [outer, inner].forEach((watcher) => watcher?.close());
    [painting, looking].forEach(clearTimeout);
  };
  const command = vscode.commands.registerCommand("devcopilot.showUnits", () => showUnits(folder));
  context.subscriptions.push(item, command, new vscode.Disposable(close));
  refresh();
}

function activate(context) {
  const folder = findFolder();
  const runtime = process.env.DEV8_RUNTIME_DIR;
  if (runtime) {
    watchUnits(context, runtime, folder);
    watchUse(vscode, context, runtime);
    showPage(vscode, context, runtime);
  }
  const command = vscode.commands.registerCommand("devcopilot.trust", () => folder && trust(folder));
  context.subscriptions.push(command);
  if (!folder) return;
  context.subscriptions.push(vscode.workspace.onDidGrantWorkspaceTrust(() => trust(folder)));
  begin(context, folder).catch((error) => console.error(`cannot ask the agent: ${error.message}`));
}

module.exports = { activate };
