// Says in the runtime folder that somebody uses this window: docs/activity.md. An open window is no use,
// and VS Code calls a window active that has just been loaded: only what comes later counts.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

// Milliseconds between two notes that somebody is here, at least.
const PAUSE = 25000;

function watchUse(vscode, context, runtime) {
  const { Keyboard, Mouse } = vscode.TextEditorSelectionChangeKind;
  const file = path.join(runtime, "activity", "editor");
  let noted = 0;
  let timer;
  let wasActive = true;
  const note = () => {
    if (Date.now() - noted < PAUSE) return;
    noted = Date.now();
    fs.writeFile(file, `${new Date(noted).toISOString()}\n`, { mode: 0o600 }, () => {});
  };
  const follow = ({ active }) => {
    if (active === wasActive) return;
    wasActive = active;
    clearInterval(timer);
    if (!active) return;
    note();
    timer = setInterval(note, PAUSE + 5000);
  };
  context.subscriptions.push(
    vscode.window.onDidChangeWindowState(follow),
    vscode.window.onDidChangeTextEditorSelection(({ kind }) => (kind === Keyboard || kind === Mouse) && note()),
    new vscode.Disposable(() => clearInterval(timer)),
  );
}

module.exports = { watchUse };
