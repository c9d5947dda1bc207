// Compress the scripts and styles in FOLDERs that browsers load, each beside itself as NAME.br.
"use strict";

const { readdirSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { brotliCompressSync, constants } = require("node:zlib");

const WANTED = /\.(js|css)$/;
const OF_THE_SERVER = /(^|\/)(node\/|server-)/;
const LEAST_BYTES = 64 * 1024;

function compress(folder) {
  for (const name of readdirSync(folder, { recursive: true }).sort()) {
    if (!WANTED.test(name) || OF_THE_SERVER.test(name)) continue;
    const path = join(folder, name);
    const content = readFileSync(path);
    if (content.length < LEAST_BYTES) continue;
    const params = {
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS, // of the script of 19 MB
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    };
    writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
  }
}

process.argv.slice(2).forEach(compress);
