// How the units stand, from the files in which the agent notes it: agent/machine/records/unit_record.py. Starts no program.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

// What was written of all units; one of a process that was killed is no longer running.
function readUnits(folder) {
  let names = [];
  try {
    names = fs.readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    // nothing has begun
  }
  return names.flatMap((name) => {
    try {
      return [judge(folder, JSON.parse(fs.readFileSync(path.join(folder, name))))];
    } catch {
      return []; // it is being written
    }
  });
}

function judge(folder, unit) {
  const [how, pid] = unit.state === "running" ? readHolder(folder, unit.name.split(":")[0]) : [];
  if (!pid || fs.existsSync(`/proc/${pid}`)) return unit;
  if (how === "repeated") return { ...unit, state: "waiting", reason: "it was interrupted and begins again" };
  return { ...unit, state: "failed", reason: "it was interrupted" };
}

// Who carries out this kind, or did: Node cannot ask whether its lock is held.
function readHolder(folder, kind) {
  try {
    return fs.readFileSync(path.join(folder, `${kind}.lock`), "utf8").split(" ");
  } catch {
    return [];
  }
}

module.exports = { readUnits };
